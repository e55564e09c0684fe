from .checkpoint import load_checkpoint as load_checkpoint
from .checkpoint import save_checkpoint as save_checkpoint
from .config import TrainingConfig as TrainingConfig
from .dataset import CropDataset as CropDataset
from .loop import Trainer as Trainer
from .loop import TrainingProgress as TrainingProgress
from .recovery import TrainingSetback as TrainingSetback
