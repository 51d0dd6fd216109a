"""Tests of export/int8."""
