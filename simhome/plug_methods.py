"""A plug's answers to the methods of Tapo's protocol, decrypted.

Where no other source is named, the shape of an answer is the Tapo notes' (sections 2 to 4) and that
of a P110 with firmware 1.3.1 in python-kasa's device dumps. All values are our own.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from simhome.loads import mains_voltage_v
from simhome.plug_device import PlugDevice
from simhome.plug_history import days_between, energy_data, local_time, month_wh, power_data
from simhome.tapo_errors import BAD_PARAMETERS, JSON_DECODE_FAILED, UNKNOWN_METHOD, MethodError

DEVICE_TYPE = "SMART.TAPOPLUG"

Json = dict[str, Any]
Params = Mapping[str, Any]

_DAY = timedelta(days=1)


def answer(device: PlugDevice, request: object, *, failing: Mapping[str, int]) -> Json:
    """Return the answer to a decoded request, be it one method or several.

    All of one answer is measured at the same instant. Of several methods those after the first that
    fails are left out, as real plugs do (Tapo notes, section 4.1).

    Args:
        device: The plug that is asked; its relay is switched if that is what is asked for.
        request: Decoded JSON, of any shape.
        failing: Error codes by the methods that shall answer them.
    """
    now = device.clock.now()
    device.meter.advance(now)
    if not isinstance(request, dict):
        return {"error_code": JSON_DECODE_FAILED}
    if request.get("method") != "multipleRequest":
        return _answer_one(device, request, now, failing)
    params = request.get("params")
    requests = params.get("requests") if isinstance(params, dict) else None
    if not isinstance(requests, list) or not all(isinstance(each, dict) for each in requests):
        return {"error_code": BAD_PARAMETERS}
    responses: list[Json] = []
    for each in requests:
        one = _answer_one(device, each, now, failing)
        responses.append({"method": each.get("method"), **one})
        if one["error_code"]:
            break
    return {"result": {"responses": responses}, "error_code": 0}


def _answer_one(
    device: PlugDevice, request: Json, now: datetime, failing: Mapping[str, int]
) -> Json:
    method, params = str(request.get("method")), request.get("params") or {}
    energy_version, get_result = _METHODS.get(method, (0, None))
    if method in failing:
        return {"error_code": failing[method]}
    if get_result is None or device.profile.energy_version < energy_version:
        return {"error_code": UNKNOWN_METHOD}
    if not isinstance(params, dict):
        return {"error_code": BAD_PARAMETERS}
    try:
        result = get_result(device, params, now)
    except MethodError as error:
        return {"error_code": error.code}
    return {"error_code": 0} if result is None else {"result": result, "error_code": 0}


def _component_nego(device: PlugDevice, _params: Params, _now: datetime) -> Json:
    components = device.profile.components.items()
    return {"component_list": [{"id": name, "ver_code": version} for name, version in components]}


def _device_info(device: PlugDevice, _params: Params, now: datetime) -> Json:
    rssi_dbm = -40 - int(_own_id("rssi", device.device_id)[:2], 16) % 20
    info: Json = {
        "device_id": device.device_id,
        "type": DEVICE_TYPE,
        "model": device.profile.model,
        "hw_ver": device.profile.hardware,
        "fw_ver": device.profile.firmware,
        "hw_id": _own_id("hardware", device.profile.model),
        "fw_id": _own_id("firmware", device.profile.firmware),
        "oem_id": _own_id("oem", device.profile.model),
        "mac": device.mac,
        "ip": device.host,
        "ssid": _base64("Home"),
        "rssi": rssi_dbm,
        "signal_level": 3 if rssi_dbm > -50 else 2,  # noqa: PLR2004 - as the dumps have it
        "nickname": _base64(device.alias),
        "avatar": "plug",
        "lang": "de_DE",
        "specs": "",
        "region": device.time_zone.key,
        "time_diff": _standard_offset_min(device, now),
        "has_set_location_info": False,
        "latitude": 0,
        "longitude": 0,
        "device_on": device.relay_on,
        "on_time": int(device.on_time_s),
        "default_states": {"type": "last_states", "state": {}},
    }
    if "auto_off" not in device.profile.components:
        return {**info, "overheated": False}
    watched = ("charging", "overcurrent", "overheat", "power_protection")
    return {
        **info,
        **{f"{name}_status": "normal" for name in watched},
        "auto_off_status": "off",
        "auto_off_remain_time": 0,
    }


def _set_device_info(device: PlugDevice, params: Params, _now: datetime) -> None:
    """Switch or rename; other settings of real plugs are refused, so that none is ignored."""
    on, nickname = params.get("device_on", device.relay_on), params.get("nickname", "")
    if not params or params.keys() - {"device_on", "nickname"}:
        raise MethodError(BAD_PARAMETERS)
    if not isinstance(on, bool) or not isinstance(nickname, str):
        raise MethodError(BAD_PARAMETERS)
    try:
        device.alias = base64.b64decode(nickname, validate=True).decode() or device.alias
    except (binascii.Error, UnicodeDecodeError) as error:
        raise MethodError(BAD_PARAMETERS) from error
    device.relay_on = on


def _device_time(device: PlugDevice, _params: Params, now: datetime) -> Json:
    return {
        "region": device.time_zone.key,
        "time_diff": _standard_offset_min(device, now),
        "timestamp": int(now.timestamp()),
    }


def _device_usage(device: PlugDevice, _params: Params, now: datetime) -> Json:
    """Return minutes and Wh; "saved" is the minutes less the Wh, as in all of the dumps."""
    power, minutes, saved = {}, {}, {}
    for name, count in (("today", 1), ("past7", 7), ("past30", 30)):
        days = _last_days(device, now, count)
        power[name] = round(sum(map(device.meter.day_wh, days)))
        minutes[name] = int(sum(map(device.meter.day_on_min, days)))
        saved[name] = max(0, minutes[name] - power[name])
    if not device.profile.energy_version:
        return {"time_usage": minutes}
    return {"time_usage": minutes, "power_usage": power, "saved_power": saved}


def _energy_usage(device: PlugDevice, _params: Params, now: datetime) -> Json:
    today = _today(device, now)
    month_days = days_between(today.replace(day=1), today + _DAY)
    usage = {
        "today_runtime": int(device.meter.day_on_min(today)),
        "month_runtime": int(sum(map(device.meter.day_on_min, month_days))),
        "today_energy": round(device.meter.day_wh(today)),
        "month_energy": round(sum(map(device.meter.day_wh, month_days))),
        "local_time": local_time(device.told_time(now), device.time_zone),
        "current_power": round(device.power_w(now) * 1000),
    }
    if device.profile.energy_version == 1:
        return {**usage, **_old_history(device, now)}
    return {**usage, "electricity_charge": [0, 0, 0]}  # no price is set in the plug


def _old_history(device: PlugDevice, now: datetime) -> Json:
    """Return the history of firmware 1.0.x; that the newest comes last is an assumption."""
    hours = [
        [round(energy_wh) for energy_wh in device.meter.hours_of_day_wh(day)]
        for day in _last_days(device, now, 7)
    ]
    months = [_today(device, now).replace(day=1)]
    for _ in range(11):
        months.insert(0, (months[0] - _DAY).replace(day=1))
    return {
        "past24h": hours[-1],
        "past7d": hours,
        "past30d": [round(device.meter.day_wh(day)) for day in _last_days(device, now, 30)],
        "past1y": [round(month_wh(device.meter, month)) for month in months],
    }


def _current_power(device: PlugDevice, _params: Params, now: datetime) -> Json:
    return {"current_power": round(device.power_w(now))}


def _emeter_data(device: PlugDevice, _params: Params, now: datetime) -> Json:
    """Return the momentary values; current is power over voltage, as of a resistive load.

    When real plugs reset energy_wh is not known (Tapo notes, section 3): here, never.
    """
    voltage_v, power_w = mains_voltage_v(now), device.power_w(now)
    return {
        "voltage_mv": round(voltage_v * 1000),
        "current_ma": round(power_w / voltage_v * 1000),
        "power_mw": round(power_w * 1000),
        "energy_wh": int(device.meter.energy_wh),
    }


def _emeter_calibration(device: PlugDevice, _params: Params, _now: datetime) -> Json:
    spread = int(_own_id("calibration", device.device_id)[:4], 16)
    return {"vgain": 120_000 + spread % 8000, "igain": 11_000 + spread % 500}


def _energy_data(device: PlugDevice, params: Params, now: datetime) -> Json:
    return energy_data(device.meter, params, device.told_time(now), device.time_zone)


def _power_data(device: PlugDevice, params: Params, now: datetime) -> Json:
    return power_data(device.meter, params, device.told_time(now), device.time_zone)


def _fixed(result: Json) -> "_Method":
    return lambda _device, _params, _now: result


def _today(device: PlugDevice, now: datetime) -> date:
    return now.astimezone(device.time_zone).date()


def _last_days(device: PlugDevice, now: datetime, count: int) -> list[date]:
    end = _today(device, now) + _DAY
    return days_between(end - count * _DAY, end)


def _standard_offset_min(device: PlugDevice, now: datetime) -> int:
    """Return minutes from UTC without summer time: a dump made in Auckland's summer has 720."""
    local = now.astimezone(device.time_zone)
    offset = (local.utcoffset() or timedelta()) - (local.dst() or timedelta())
    return int(offset.total_seconds() // 60)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _own_id(*parts: str) -> str:
    """Return 32 hexadecimal digits of our own making, always the same for ``parts``."""
    return hashlib.sha256(":".join(("simhome", *parts)).encode()).hexdigest()[:32].upper()


_Method = Callable[[PlugDevice, Params, datetime], Json | None]

# By name: the version of energy_monitoring from which a plug has the method, and its answer.
_METHODS: Mapping[str, tuple[int, _Method]] = {
    "component_nego": (0, _component_nego),
    "get_device_info": (0, _device_info),
    "set_device_info": (0, _set_device_info),
    "get_device_time": (0, _device_time),
    "get_device_usage": (0, _device_usage),
    "get_connect_cloud_state": (0, _fixed({"status": 0})),
    "get_auto_update_info": (0, _fixed({"enable": False, "random_range": 60, "time": 240})),
    "get_led_info": (
        0,
        _fixed(
            {
                "bri_config": {"bri_type": "overall", "overall_bri": 80},
                "led_rule": "always",
                "led_status": True,
                "night_mode": {
                    "end_time": 400,
                    "night_mode_type": "sunrise_sunset",
                    "start_time": 1260,
                    "sunrise_offset": 0,
                    "sunset_offset": 0,
                },
            },
        ),
    ),
    "get_energy_usage": (1, _energy_usage),
    "get_current_power": (2, _current_power),
    "get_emeter_data": (2, _emeter_data),
    "get_emeter_vgain_igain": (2, _emeter_calibration),
    "get_energy_data": (2, _energy_data),
    "get_power_data": (2, _power_data),
    "get_auto_off_config": (2, _fixed({"enable": False, "delay_min": 60})),
    "get_protection_power": (2, _fixed({"enabled": False, "protection_power": 0})),
    "get_max_power": (2, _fixed({"max_power": 3680})),  # 16 A at 230 V
}
