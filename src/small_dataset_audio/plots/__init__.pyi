from .corpus_overview import plot_corpus as plot_corpus
from .loss_curves import plot_losses as plot_losses
from .outline import plot_bare_spectrogram as plot_bare_spectrogram
from .outline import waveform_outline as waveform_outline
from .stage_map import plot_evaluation as plot_evaluation
from .take_comparison import plot_comparison as plot_comparison
from .take_picture import plot_take as plot_take
from .thumbnail import plot_thumbnail as plot_thumbnail
