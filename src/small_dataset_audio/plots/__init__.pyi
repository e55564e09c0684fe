from .corpus_overview import plot_corpus as plot_corpus
from .loss_curves import plot_losses as plot_losses
from .stage_map import plot_evaluation as plot_evaluation
from .take_picture import plot_take as plot_take
