"""The monitor's answers, described: the fields of ``samples.py``, which a test compares.

Nothing is checked or made by these; the generator of the API's description reads them.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

_OVER = "Seconds that the figures are the mean of."


class CpuSerializer(serializers.Serializer[Any]):
    """The processor at one moment."""

    timestamp = serializers.DateTimeField()
    usage_percent = serializers.FloatField(help_text="Mean of all cores, 0 to 100.")
    frequency_mhz = serializers.FloatField(allow_null=True, help_text="MHz; null: not known.")
    temperature_celsius = serializers.FloatField(
        allow_null=True, help_text="°C; null: there is no sensor."
    )
    core_count = serializers.IntegerField(allow_null=True, help_text="null: not known.")
    thread_count = serializers.IntegerField()
    thread_usages = serializers.ListField(
        child=serializers.FloatField(), help_text="Percent of each thread, 0 to 100."
    )
    interval_s = serializers.FloatField(help_text=_OVER)


class MemorySerializer(serializers.Serializer[Any]):
    """The memory at one moment."""

    timestamp = serializers.DateTimeField()
    used_bytes = serializers.IntegerField(help_text="What programs could not have.")
    total_bytes = serializers.IntegerField()
    percent = serializers.FloatField(help_text="Used part, 0 to 100.")
    available_bytes = serializers.IntegerField()


class NetworkSerializer(serializers.Serializer[Any]):
    """All real network interfaces together at one moment."""

    timestamp = serializers.DateTimeField()
    download_mbps = serializers.FloatField(help_text="Megabits (10^6) per second.")
    upload_mbps = serializers.FloatField(help_text="Megabits (10^6) per second.")
    interface_type = serializers.CharField(help_text="Of the busiest one.")
    interval_s = serializers.FloatField(help_text=_OVER)


class DiskSerializer(serializers.Serializer[Any]):
    """A disk at one moment."""

    timestamp = serializers.DateTimeField()
    disk_name = serializers.CharField()
    read_mbps = serializers.FloatField(help_text="MiB per second.")
    write_mbps = serializers.FloatField(help_text="MiB per second.")
    read_iops = serializers.FloatField(help_text="Operations per second.")
    write_iops = serializers.FloatField(help_text="Operations per second.")
    avg_response_ms = serializers.FloatField(
        allow_null=True, help_text="Milliseconds per operation; null: there was none."
    )
    active_time_percent = serializers.FloatField(help_text="Busy part of the time, 0 to 100.")
    interval_s = serializers.FloatField(help_text=_OVER)


class UptimeSerializer(serializers.Serializer[Any]):
    """How long BaluPi and this Pi have been running."""

    timestamp = serializers.DateTimeField()
    server_uptime_seconds = serializers.IntegerField(help_text="Seconds, of BaluPi.")
    system_uptime_seconds = serializers.IntegerField(help_text="Seconds, of the Pi.")
    server_start_time = serializers.DateTimeField()
    system_boot_time = serializers.DateTimeField()


class DisksSerializer(serializers.Serializer[Any]):
    """All disks at one moment."""

    disks = serializers.DictField(
        child=DiskSerializer(allow_null=True), help_text="By name; null: just plugged in."
    )


class _HistorySerializer(serializers.Serializer[Any]):
    sample_count = serializers.IntegerField()
    source = serializers.CharField(  # type: ignore[assignment]  # a word of DRF's too
        help_text="Where the samples are from, and how far back that goes; `none`: Redis is away."
    )


class CpuHistorySerializer(_HistorySerializer):
    """The processor, in order of time."""

    samples = CpuSerializer(many=True)


class MemoryHistorySerializer(_HistorySerializer):
    """The memory, in order of time."""

    samples = MemorySerializer(many=True)


class NetworkHistorySerializer(_HistorySerializer):
    """The network, in order of time."""

    samples = NetworkSerializer(many=True)


class UptimeHistorySerializer(_HistorySerializer):
    """The uptime, in order of time."""

    samples = UptimeSerializer(many=True)
    sleep_events = serializers.ListField(help_text="Always empty: a Pi never sleeps.")


class DisksHistorySerializer(_HistorySerializer):
    """The disks, each in order of time."""

    disks = serializers.DictField(
        child=serializers.ListField(child=DiskSerializer()), help_text="By name."
    )
    available_disks = serializers.ListField(child=serializers.CharField())
