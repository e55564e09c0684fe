"""Floor 6: the studio, the whole job in the browser. Widgets here, the work in :mod:`small_dataset_audio.workflow`."""
