"""The kinds of job of this layer; importing this module makes them known."""

from __future__ import annotations

from models.job_kinds import DWELLING, EXPLAINING, SURVEYING, add_kind

add_kind("explain", "analysis.explaining", "explain_steps", lane=EXPLAINING)
# In a lane of its own: nobody should wait minutes for somebody else's before a map of seconds begins.
add_kind("explain_long", "analysis.explaining", "explain_steps", lane=DWELLING)
add_kind("trust", "analysis.trust", "trust_steps", lane=SURVEYING)
add_kind("explain_cell", "analysis.cell_maps", "cell_maps_steps", lane=SURVEYING)
add_kind("causal_test", "analysis.causal_job", "causal_steps", lane=SURVEYING)
# Looks through all images for minutes, and nobody waits at the screen for it.
add_kind("survey", "analysis.survey", "survey_steps", lane=SURVEYING)
add_kind("leakage", "analysis.leakage_job", "leakage_steps", lane=SURVEYING)
# It finishes the survey where it must, so it comes after a survey that runs.
add_kind("report", "analysis.report_job", "report_steps", lane=SURVEYING)
add_kind("layer_scan", "analysis.layers.scan", "scan_steps", lane=SURVEYING)
# A few seconds each, and somebody waits for the curve or the map.
add_kind("layer_probe", "analysis.layers.probe_job", "probe_job_steps", lane=EXPLAINING)
add_kind("layer_map", "analysis.layers.layer_map", "layer_map_steps", lane=EXPLAINING)
add_kind("layer_weights", "analysis.layers.weights_job", "weights_steps", lane=EXPLAINING)
add_kind("weight_difference", "analysis.layers.difference_job", "difference_steps", lane=EXPLAINING)
add_kind("excitation", "analysis.layers.excitation_job", "excitation_steps", lane=DWELLING)
add_kind("layer_times", "analysis.layers.layer_times", "layer_times_steps", lane=DWELLING)
