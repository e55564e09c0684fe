from .corpus_overview import plot_corpus as plot_corpus
from .loss_curves import plot_losses as plot_losses
from .stage_map import plot_evaluation as plot_evaluation
from .take_comparison import plot_comparison as plot_comparison
from .take_picture import plot_take as plot_take
from .thumbnail import plot_thumbnail as plot_thumbnail
