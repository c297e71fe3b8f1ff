"""What hands do in a page."""

from __future__ import annotations

DROP = """([names, size]) => {
    const data = new DataTransfer();
    for (const name of names) data.items.add(new File([new Uint8Array(size)], name));
    document.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}"""
"""Drops files of one size on the page."""
