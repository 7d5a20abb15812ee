"""Sound files for the tests of sound files."""

import os

import numpy as np
import soundfile as sf

from ltisys.recording import Sink

EXTENSIONS = ("wav", "rf64", "w64", "aiff", "flac", "caf", "au", "ogg", "opus", "mp3")
LOSSLESS = EXTENSIONS[:7]
PCM = {"PCM_U8": 8, "PCM_S8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}


def noise(frames, channels=2, seed=0, scale=0.2):
    return np.random.default_rng(seed).uniform(-scale, scale, (channels, frames)).astype("f4")


def made(path, frames=3000, channels=2, fs=48000, **options):
    """A file written by soundfile alone."""
    sf.write(path, noise(frames, channels).T, fs, **options)
    return path


def sunk(path, blocks, channels=2, **options):
    """A Sink that was given blocks."""
    with Sink(path, fs=48000, channels=channels, **options) as sink:
        for block in blocks:
            sink.write(block)
    return sink


def left_behind(folder):
    return [name for name in os.listdir(folder) if name.endswith(".ltisys-tmp")]


def sentence(caught):
    return str(caught.value)
