"""Train networks on images: one function for every kind of task, and what came of it.

model = networks.ResidualNet(8, in_channels=1, classes=2)
history = train.fit(model, train_set, val_set, epochs=10)      # the model has the weights of the best epoch
train.evaluate(model, test_set)                                # {"auc": 0.98 (0.97–0.99), ...}
train.predict(model, test_set.images)                          # (N, 2) probabilities
train.save(model, "xrays.safetensors", card={"limits": "..."})
"""

from medlab.train.augment import Augment
from medlab.train.files import load, save
from medlab.train.fit import History, fit, learning_rates
from medlab.train.predict import evaluate, predict
from medlab.train.preparation import Preparation
from medlab.train.settings import network

__all__ = [
    "Augment",
    "History",
    "Preparation",
    "evaluate",
    "fit",
    "learning_rates",
    "load",
    "network",
    "predict",
    "save",
]
