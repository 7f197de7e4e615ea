#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Reads a trace with Perfetto's published definitions: `perfetto.py TRACE` prints, as JSON, how often
each message was met by its path, paths of fields that the definitions do not know, what strings do
not belong into a trace, and numbers that packets name but no packet before told of.
"""

import collections
import json
import os
import sys
import zlib

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "build", "readers", "python"))

# pylint: disable=wrong-import-position
from google.protobuf import unknown_fields
from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as definitions


def walk(message, path, seen, unknown):
    for field in unknown_fields.UnknownFieldSet(message):
        unknown.append(f"{path}:{field.field_number}")
    for field, value in message.ListFields():
        where = f"{path}.{field.name}" if path else field.name
        seen[where] += 1
        if field.message_type:
            repeated = value if hasattr(value, "append") or hasattr(value, "add") else [value]
            for item in repeated:
                walk(item, where, seen, unknown)


def packets(path):
    """The packets of a trace; compressed ones are unpacked."""
    with open(path, "rb") as file:
        outer = definitions.Trace.FromString(file.read())
    for packet in outer.packet:
        if not packet.HasField("compressed_packets"):
            yield packet
            continue
        if list(packet.ListFields()) != [(packet.DESCRIPTOR.fields_by_name["compressed_packets"],
                                          packet.compressed_packets)]:
            sys.exit("a packet of compressed ones has more in it")
        yield from definitions.Trace.FromString(zlib.decompress(packet.compressed_packets)).packet


class Interned:
    """What a sequence has told of so far, and what was named before it was told of."""

    KINDS = ("event_categories", "event_names", "debug_annotation_names", "function_names",
             "frames", "callstacks", "mapping_paths", "mappings", "debug_annotation_string_values")

    def __init__(self):
        self.known = {kind: set() for kind in self.KINDS}
        self.tracks = set()
        self.missing = []

    def need(self, kind, iid):
        if iid not in self.known[kind]:
            self.missing.append(f"{kind} {iid}")

    def learn(self, data):
        for kind in self.KINDS:
            for item in getattr(data, kind):
                if item.iid in self.known[kind] or not item.iid:
                    self.missing.append(f"{kind} {item.iid} is told twice")
                self.known[kind].add(item.iid)
        for mapping in data.mappings:
            for iid in mapping.path_string_ids:
                self.need("mapping_paths", iid)
        for frame in data.frames:
            self.need("function_names", frame.function_name_id)
            self.need("mappings", frame.mapping_id)
        for stack in data.callstacks:
            for iid in stack.frame_ids:
                self.need("frames", iid)

    def take(self, packet):
        if packet.HasField("interned_data"):
            self.learn(packet.interned_data)
        if packet.HasField("track_descriptor"):
            track = packet.track_descriptor
            if track.parent_uuid and track.parent_uuid not in self.tracks:
                self.missing.append(f"parent track {track.parent_uuid}")
            self.tracks.add(track.uuid)
        event = packet.track_event
        if packet.HasField("track_event"):
            if event.track_uuid not in self.tracks:
                self.missing.append(f"track {event.track_uuid}")
            for iid in event.category_iids:
                self.need("event_categories", iid)
            if event.name_iid:
                self.need("event_names", event.name_iid)
            for note in event.debug_annotations:
                self.need("debug_annotation_names", note.name_iid)
                if note.string_value_iid:
                    self.need("debug_annotation_string_values", note.string_value_iid)
        if packet.HasField("perf_sample"):
            self.need("callstacks", packet.perf_sample.callstack_iid)


def main():
    seen, unknown, interned = collections.Counter(), [], Interned()
    first, begun, tids = None, collections.Counter(), []
    for packet in packets(sys.argv[1]):
        if first is None:
            first = packet.sequence_flags
        walk(packet, "", seen, unknown)
        interned.take(packet)
        if packet.HasField("track_event"):
            begun[packet.track_event.track_uuid] += {1: 1, 2: -1}.get(packet.track_event.type, 0)
        tids += [thread.tid for thread in packet.process_tree.threads]
    print(json.dumps({"seen": seen, "unknown": unknown, "missing": interned.missing,
                      "first_flags": first, "tids": tids,
                      "left_open": [uuid for uuid, count in begun.items() if count]}))


main()
