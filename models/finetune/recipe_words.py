"""What each setting of a recipe file is, in the words that stand beside it there."""

from __future__ import annotations

from collections.abc import Mapping

HEAD = """\
# A fine-tuning of Errorscope. Run it without a browser:
#     python -m models.finetune --recipe {file}
# Paths that are not absolute begin at the folder of this file. What is left out takes its default.
"""

SECTIONS: Mapping[str, str] = {
    "name": "of the version that comes of it",
    "model": "what it starts from",
    "images": "training images are learned from; validation images judge",
    "compared_with": "what the result is compared with; left out: the model it starts from",
    "target": "the mistakes it is meant to mend, declared beforehand",
    "recipe": "how it is trained",
    "augmentation": "random changes of training images, in this order; [] for none",
    "parent": "id of the version that it starts from",
    "control_of": "id of the version whose control this is: the same without its target",
}
"""Key to what is said of it, in the order of the file."""

SETTINGS: Mapping[str, Mapping[str, str]] = {
    "model": {
        "checkpoint": "the file of weights",
        "architecture": "torchvision's name, where several fit",
        "class_names": "a file of class names, where the checkpoint has none",
        "preprocessing": "in place of the checkpoint's own",
        "trust_code": "run a checkpoint that is a program",
    },
    "images": {
        "validation": "folder or table",
        "validation_split": "only this split of it",
        "limit": "at most this many validation images",
        "groups": "a file that gives each class its group",
        "training": "folder or table; left out: half of the validation images is learned from",
        "training_split": "only this split of it",
        "test": "evaluated once, at the end",
        "test_split": "only this split of it",
    },
    "target": {
        "kind": "cell, group, error or selection",
        "name": "what a person calls it",
        "cells": "[label, predicted]",
        "images": "ids of validation images",
        "strength": "how many times as often the nearest training images are drawn",
        "neighbours": "training images raised for each mistake",
        "cap": "largest share of an epoch that they may take",
        "chosen_on": "half: only the choosing half was looked at; all: all validation images were",
    },
    "recipe": {
        "kind": "bottleneck, last_block, two_blocks, whole or scratch",
        "epochs": "passes over the training images",
        "head_epochs": "passes in which the head alone learns first; null: 10 for a new head, else 0",
        "batch_size": "images to a step",
        "optimiser": "sgd or adamw",
        "learning_rate": "of the head, at its peak",
        "momentum": "of sgd",
        "stage_factor": "share of the rate that each earlier stage has of the one after it",
        "weight_decay": "L2 penalty",
        "l1": "L1 penalty",
        "hidden": "widths of hidden layers of a new head; [] for a linear one",
        "dropout": "in a new head",
        "new_head": "even where the classes are the same",
        "label_smoothing": "0 to 0.9",
        "balance": "none, class_weights or balanced_sampling",
        "mixing": "none, mixup or cutmix",
        "mixing_alpha": "of the Beta distribution of the share",
        "schedule": "cosine, step, plateau or constant",
        "warmup_epochs": "over which the rate rises from 0",
        "step_epochs": "of step: between falls; of plateau: patience",
        "step_factor": "of step and plateau",
        "patience": "epochs without a better validation loss before it stops; null: never",
        "clip_norm": "largest norm of the gradient; null: any",
        "batch_norm": "running statistics in layers that learn: fixed or learning",
        "mixed_precision": "where the device has it",
        "views": "augmented versions of each image, in turn; 0: new ones in every epoch",
        "cache": "of frozen layers' features: exact, half (precision) or off",
        "seed": "of everything that is drawn",
    },
}
"""Section to setting to what is said of it, in the order of the file."""
