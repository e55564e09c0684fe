"""The measuring instruments of the sound benchmark, one file each; `report.measure` reads them all.

They judge this project's output, so they share no signal code with it beyond the resampler: an error in the tool's own
spectrogram cannot hide itself in the ruler.
"""
