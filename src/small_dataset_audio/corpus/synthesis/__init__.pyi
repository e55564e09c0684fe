from .blown_tube import blow_tube as blow_tube
from .demo_corpus import write_demo_corpus as write_demo_corpus
from .plucked_string import pluck_string as pluck_string
from .struck_bar import FREE_BAR_RATIOS as FREE_BAR_RATIOS
from .struck_bar import strike_bar as strike_bar
