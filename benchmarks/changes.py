"""Small files of many kinds, each with one honest change: what damaged patches are made from. The intended bytes are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import unified_diff


@dataclass(frozen=True, slots=True)
class Change:
    """One file before and after, as text with the file's own line ends."""

    name: str
    path: str
    before: str
    after: str

    def diff(self, context: int = 3) -> list[str]:
        """The lines of its unified diff, file headers first, without line ends; made as git makes it."""
        return diff_of(self.path, self.before, self.after, context)


def diff_of(path: str, before: str, after: str, context: int = 3) -> list[str]:
    old, new = before.split("\n"), after.split("\n")
    ends = [lines.pop() if lines[-1] == "" else None for lines in (old, new)]
    told = list(unified_diff(old, new, f"a/{path}", f"b/{path}", n=context, lineterm=""))
    if ends[0] is None and ends[1] is None and told:
        told += ["\\ No newline at end of file"] if told[-1][1:] == old[-1] else []
    return told


def _change(name: str, path: str, before: str, *pairs: tuple[str, str], eol: str = "\n") -> Change:
    after = before
    for old, new in pairs:
        if after.count(old) < 1:
            raise ValueError(f"{old!r} is not in {path}.")
        after = after.replace(old, new, 1)
    return Change(name, path, before.replace("\n", eol), after.replace("\n", eol))


_PYTHON = '''"""Customers and what they order."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Customer:
    name: str
    phone: str | None = None
    country: str = "NL"


class Register:
    """Keeps customers by name."""

    def __init__(self) -> None:
        self._customers: dict[str, Customer] = {}

    def add(self, customer: Customer) -> None:
        if customer.name in self._customers:
            raise ValueError(f"{customer.name} is known already")
        self._customers[customer.name] = customer

    def phone_of(self, name: str) -> str:
        customer = self._customers[name]
        digits = customer.phone.replace("-", "")
        return f"+{digits}"

    def by_country(self, country: str) -> list[Customer]:
        found = []
        for customer in self._customers.values():
            if customer.country == country:
                found.append(customer)
        return found


def label(customer: Customer) -> str:
    parts = [customer.name]
    if customer.phone:
        parts.append(customer.phone)
    return " / ".join(parts)
'''
_JAVASCRIPT = """'use strict';

const express = require('express');
const { Pool } = require('pg');

const router = express.Router();
const pool = new Pool({ max: 5 });

router.get('/orders/:id', async (req, res, next) => {
  try {
    const { rows } = await pool.query('SELECT * FROM orders WHERE id = $1', [req.params.id]);
    const order = rows[0];
    res.json({ id: order.id, total: order.total / 100 });
  } catch (error) {
    next(error);
  }
});

router.post('/orders', async (req, res, next) => {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query('INSERT INTO orders (total) VALUES ($1)', [req.body.total]);
    await client.query('COMMIT');
    res.status(201).end();
  } catch (error) {
    await client.query('ROLLBACK');
    next(error);
  }
});

module.exports = router;
"""
_GO = """package cart

import (
\t"errors"
\t"fmt"
)

// Item is one line of a cart.
type Item struct {
\tSKU   string
\tCount int
\tPrice int64
}

// Total adds up all items.
func Total(items []Item) (int64, error) {
\tvar sum int64
\tfor _, item := range items {
\t\tif item.Count < 0 {
\t\t\treturn 0, errors.New("negative count")
\t\t}
\t\tsum += int64(item.Count) * item.Price
\t}
\treturn sum, nil
}

// Find gives the item of a SKU.
func Find(items []Item, sku string) *Item {
\tfor at := range items {
\t\tif items[at].SKU == sku {
\t\t\treturn &items[at]
\t\t}
\t}
\tfmt.Println("not found", sku)
\treturn nil
}
"""
_PHP = """<?php

declare(strict_types=1);

namespace Shop\\Billing;

final class Invoice
{
    /** @var array<int, array{sku: string, cents: int}> */
    private array $lines = [];

    public function add(string $sku, int $cents): void
    {
        $this->lines[] = ['sku' => $sku, 'cents' => $cents];
    }

    public function average(): float
    {
        $sum = 0;
        foreach ($this->lines as $line) {
            $sum += $line['cents'];
        }

        return $sum / count($this->lines);
    }

    public function title(?string $name): string
    {
        return "Invoice for <b>" . trim($name) . "</b> & co";
    }
}
"""
_YAML = """# what the shop runs
services:
  web:
    image: shop/web:1.4
    replicas: 2
    env:
      - name: POOL_SIZE
        value: "5"
      - name: TIMEOUT
        value: "30"
  worker:
    image: shop/worker:1.4
    replicas: 1
    env:
      - name: QUEUE
        value: orders
      - name: RETRIES
        value: "3"
"""
_INI = """; settings of the shop
[database]
host = db.internal
port = 5432
pool = 5

[cache]
host = cache.internal
ttl = 60
size = 1000

[mail]
host = mail.internal
sender = shop@example.com
"""
_REPEATED = """-- one table per region, all alike
CREATE TABLE orders_eu (
    id BIGINT PRIMARY KEY,
    total NUMERIC NOT NULL,
    placed TIMESTAMP
);

CREATE TABLE orders_us (
    id BIGINT PRIMARY KEY,
    total NUMERIC NOT NULL,
    placed TIMESTAMP
);

CREATE TABLE orders_asia (
    id BIGINT PRIMARY KEY,
    total NUMERIC NOT NULL,
    placed TIMESTAMP
);
"""
_TEMPLATE = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Orders & returns</title>
  </head>
  <body>
    <h1>Orders</h1>
    <ul class="orders">
      {% for order in orders %}
      <li data-id="{{ order.id }}">{{ order.title }}</li>
      {% endfor %}
    </ul>
    <footer>&copy; the shop</footer>
  </body>
</html>
"""
_JAVA = """package shop.stock;

import java.util.HashMap;
import java.util.Map;

public class Stock {
    private final Map<String, Integer> counts = new HashMap<>();

    public int left(String sku) {
        return counts.get(sku);
    }

    public void take(String sku, int count) {
        int now = counts.get(sku);
        if (now < count) {
            throw new IllegalStateException("only " + now + " of " + sku);
        }
        counts.put(sku, now - count);
    }

    public void put(String sku, int count) {
        counts.merge(sku, count, Integer::sum);
    }
}
"""
_SHELL = """#!/bin/sh
# copies last night's orders to the archive
set -eu

day=$(date +%F)
source="/data/orders/$day.csv"
target="/archive/$day.csv.gz"

gzip -c "$source" > "$target"
echo "archived $day"
rm "$source\""""

CHANGES: Sequence[Change] = (
    _change(
        "python",
        "shop/customers.py",
        _PYTHON,
        ('        digits = customer.phone.replace("-", "")\n', '        digits = (customer.phone or "").replace("-", "")\n'),
    ),
    _change(
        "python two hunks",
        "shop/register.py",
        _PYTHON,
        ("from dataclasses import dataclass\n", "import logging\nfrom dataclasses import dataclass\n"),
        ("    if customer.phone:\n", "    if customer.phone and customer.phone.strip():\n"),
    ),
    _change("python insertion", "shop/lookup.py", _PYTHON, ("        customer = self._customers[name]\n", "        customer = self._customers[name]\n        if customer.phone is None:\n            return \"\"\n")),
    _change("javascript", "web/orders.js", _JAVASCRIPT, ("    const order = rows[0];\n", "    const order = rows[0];\n    if (!order) {\n      return res.status(404).json({ error: 'no such order' });\n    }\n")),
    _change("javascript finally", "web/place.js", _JAVASCRIPT, ("    await client.query('ROLLBACK');\n    next(error);\n  }\n", "    await client.query('ROLLBACK');\n    next(error);\n  } finally {\n    client.release();\n  }\n")),
    _change("go", "cart/cart.go", _GO, ("\t\tif item.Count < 0 {\n\t\t\treturn 0, errors.New(\"negative count\")\n", "\t\tif item.Count < 0 || item.Price < 0 {\n\t\t\treturn 0, fmt.Errorf(\"%s: negative count or price\", item.SKU)\n")),
    _change("php", "src/Billing/Invoice.php", _PHP, ("        return $sum / count($this->lines);\n", "        return $this->lines === [] ? 0.0 : $sum / count($this->lines);\n"), ('trim($name) . "</b>', 'trim($name ?? "") . "</b>')),
    _change("yaml", "deploy/services.yaml", _YAML, ('        value: "5"\n', '        value: "20"\n')),
    _change("crlf", "conf/shop.ini", _INI, ("pool = 5\n", "pool = 20\ntimeout = 30\n"), eol="\r\n"),
    _change("repeated", "db/tables.sql", _REPEATED, ("CREATE TABLE orders_us (\n    id BIGINT PRIMARY KEY,\n    total NUMERIC NOT NULL,\n    placed TIMESTAMP\n", "CREATE TABLE orders_us (\n    id BIGINT PRIMARY KEY,\n    total NUMERIC NOT NULL,\n    placed TIMESTAMP NOT NULL\n")),
    _change("html", "web/templates/orders.html", _TEMPLATE, ("{{ order.title }}</li>\n", "{{ order.title | default(\"&mdash;\") }}</li>\n")),
    _change("java deletion", "stock/Stock.java", _JAVA, ("        if (now < count) {\n            throw new IllegalStateException(\"only \" + now + \" of \" + sku);\n        }\n", "")),
    _change("java", "stock/Left.java", _JAVA, ("        return counts.get(sku);\n", "        return counts.getOrDefault(sku, 0);\n")),
    _change("java apart", "stock/Put.java", _JAVA, ("        int now = counts.get(sku);\n        if (now < count) {\n", "        Integer now = counts.get(sku);\n        if (now < count) {\n            counts.remove(sku);\n")),
    _change("no final newline", "bin/archive.sh", _SHELL, ('gzip -c "$source" > "$target"\n', 'gzip -c "$source" > "$target.part"\nmv "$target.part" "$target"\n')),
)  # fmt: skip
"""Changes in ten forms of text: indentation by blanks and tabs, braces, markup, repeated blocks, CR LF, no final newline."""
