"""``python -m small_dataset_audio`` is ``sda``."""

from small_dataset_audio.cli import main

if __name__ == "__main__":
    main()
