"""Twelve more repairs, written down before any guard was compiled from them: what the compiler does with faults that it was not made with."""

from __future__ import annotations

from benchmarks.guard_pairs import Pair

UNSEEN: tuple[Pair, ...] = (
    Pair(
        "python: shared default",
        "app/basket.py",
        "def add(item, basket=[]):\n    basket.append(item)\n    return basket\n",
        "def add(item, basket=None):\n    if basket is None:\n        basket = []\n    basket.append(item)\n    return basket\n",
        "def note(line, kept=[]):\n    kept.append(line)\n    return len(kept)\n",
    ),
    Pair(
        "python: words for a shell",
        "app/images.py",
        "import subprocess\n\n\ndef shrink(name):\n    subprocess.run(f'convert {name} -resize 50% {name}', shell=True, check=True)\n",
        "import subprocess\n\n\ndef shrink(name):\n    subprocess.run(['convert', name, '-resize', '50%', name], check=True)\n",
        "import subprocess\n\n\ndef pack(folder):\n    subprocess.run('tar cf x.tar ' + folder, shell=True)\n",
    ),
    Pair(
        "python: statement from text",
        "app/orders.py",
        "def order(cursor, number):\n    cursor.execute(f'SELECT * FROM orders WHERE number = {number}')\n    return cursor.fetchone()\n",
        "def order(cursor, number):\n    cursor.execute('SELECT * FROM orders WHERE number = ?', (number,))\n    return cursor.fetchone()\n",
        "def user(db, name):\n    db.execute(f\"SELECT * FROM users WHERE name = '{name}'\")\n    return db.fetchall()\n",
    ),
    Pair(
        "python: everybody waits",
        "app/poll.py",
        "import asyncio\nimport time\n\n\nasync def poll(job):\n    while not job.done:\n        time.sleep(1)\n    return job.answer\n",
        "import asyncio\nimport time\n\n\nasync def poll(job):\n    while not job.done:\n        await asyncio.sleep(1)\n    return job.answer\n",
        "import time\n\n\nasync def again(call):\n    time.sleep(0.5)\n    return await call()\n",
    ),
    Pair(
        "python: kept for ever",
        "app/prices.py",
        "def price(cache, key, load):\n    value = load(key)\n    cache.set(key, value)\n    return value\n",
        "def price(cache, key, load):\n    value = load(key)\n    cache.set(key, value, ttl=300)\n    return value\n",
        "def remember(cache, user):\n    cache.set(user.id, user.name)\n",
    ),
    Pair(
        "python: a field that need not come",
        "app/hooks.py",
        "def received(payload):\n    sender = payload['sender']['email']\n    return sender.lower()\n",
        "def received(payload):\n    sender = (payload.get('sender') or {}).get('email', '')\n    return sender.lower()\n",
        "def audit(payload):\n    print(payload['sender']['email'])\n",
    ),
    Pair(
        "javascript: nobody waits",
        "src/mail.js",
        "async function notify(users) {\n  users.forEach(async (user) => {\n    await send(user.email);\n  });\n}\n",
        "async function notify(users) {\n  for (const user of users) {\n    await send(user.email);\n  }\n}\n",
        "async function close(orders) {\n  orders.forEach(async (order) => {\n    await archive(order);\n  });\n}\n",
    ),
    Pair(
        "javascript: what is no JSON",
        "src/session.js",
        "function session(cookie) {\n  return JSON.parse(cookie);\n}\n",
        "function session(cookie) {\n  try {\n    return JSON.parse(cookie);\n  } catch {\n    return null;\n  }\n}\n",
        "function basket(text) {\n  const items = JSON.parse(text);\n  return items.length;\n}\n",
    ),
    Pair(
        "go: rows never closed",
        "store/orders.go",
        'package store\n\nfunc Numbers(db *sql.DB) ([]int, error) {\n\trows, err := db.Query("SELECT number FROM orders")\n\tif err != nil {\n\t\treturn nil, err\n\t}\n\treturn numbers(rows)\n}\n',
        'package store\n\nfunc Numbers(db *sql.DB) ([]int, error) {\n\trows, err := db.Query("SELECT number FROM orders")\n\tif err != nil {\n\t\treturn nil, err\n\t}\n\tdefer rows.Close()\n\treturn numbers(rows)\n}\n',
        'package other\n\nfunc Names(d *sql.DB) []string {\n\tfound, _ := d.Query("SELECT name FROM users")\n\treturn names(found)\n}\n',
    ),
    Pair(
        "php: found at the very beginning",
        "src/Path.php",
        "<?php\nfunction isAdmin($path)\n{\n    if (strpos($path, '/admin') == false) {\n        return false;\n    }\n    return true;\n}\n",
        "<?php\nfunction isAdmin($path)\n{\n    if (strpos($path, '/admin') === false) {\n        return false;\n    }\n    return true;\n}\n",
        "<?php\nfunction isMail($text)\n{\n    return !(strpos($text, 'mailto:') == false);\n}\n",
    ),
    Pair(
        "yaml: one of it",
        "deploy/web.yaml",
        "spec:\n  replicas: 1\n  template:\n    spec:\n      containers:\n        - name: web\n",
        "spec:\n  replicas: 3\n  template:\n    spec:\n      containers:\n        - name: web\n",
        "metadata:\n  name: api\nspec:\n  replicas: 1\n",
    ),
    Pair(
        "dockerfile: as root",
        "Dockerfile",
        'FROM python:3.12-slim\nCOPY . /app\nUSER root\nCMD ["python", "/app/main.py"]\n',
        'FROM python:3.12-slim\nCOPY . /app\nUSER app\nCMD ["python", "/app/main.py"]\n',
        "FROM node:22-slim\nUSER root\nRUN npm ci\n",
    ),
)
