"""Train networks on images: one function for every kind of task, and what came of it.

model = networks.ResidualNet(8, in_channels=1, classes=2)
history = train.fit(model, train_set, val_set, epochs=10)      # the model has the weights of the best epoch
train.evaluate(model, test_set)                                # {"auc": 0.98 (0.97–0.99), ...}
train.predict(model, test_set.images)                          # (N, 2) probabilities
train.save(model, "xrays.safetensors", card={"limits": "..."})
"""

from medlab.train.augment import Augment
from medlab.train.defaults import network
from medlab.train.files import load, save
from medlab.train.finder import learning_rates
from medlab.train.fit import History, fit
from medlab.train.predict import evaluate, predict
from medlab.train.recipe import Recipe
from medlab.train.run import one_cycle

__all__ = [
    "Augment",
    "History",
    "Recipe",
    "evaluate",
    "fit",
    "learning_rates",
    "load",
    "network",
    "one_cycle",
    "predict",
    "save",
]
