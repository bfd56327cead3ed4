"""Repairs that were written down before any guard was compiled from them: what the compiler does with faults that it was not made with.

None stays unseen for ever: each tuple says what was changed after its first run.
"""

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

LATER: tuple[Pair, ...] = (
    Pair(
        "python: a variable that nobody set",
        "app/start.py",
        "import os\n\n\ndef port():\n    return int(os.environ['PORT'])\n",
        "import os\n\n\ndef port():\n    return int(os.environ.get('PORT', '8080'))\n",
        "import os\n\nlisten = ('0.0.0.0', int(os.environ['PORT']))\n",
    ),
    Pair(
        "python: time of nowhere",
        "app/clock.py",
        "from datetime import UTC, datetime\n\n\ndef stamp(order):\n    order.at = datetime.now()\n    return order\n",
        "from datetime import UTC, datetime\n\n\ndef stamp(order):\n    order.at = datetime.now(UTC)\n    return order\n",
        "from datetime import datetime\n\n\ndef late(due):\n    return datetime.now() > due\n",
    ),
    Pair(
        "python: a token that can be guessed",
        "app/tokens.py",
        "import random\nimport string\n\n\ndef token():\n    return ''.join(random.choice(string.ascii_letters) for _ in range(32))\n",
        "import secrets\nimport string\n\n\ndef token():\n    return ''.join(secrets.choice(string.ascii_letters) for _ in range(32))\n",
        "import random\n\n\ndef password(alphabet):\n    return [random.choice(alphabet) for _ in range(12)]\n",
    ),
    Pair(
        "python: certificates unseen",
        "app/peer.py",
        "import requests\n\n\ndef ask(url):\n    return requests.get(url, timeout=5, verify=False).json()\n",
        "import requests\n\n\ndef ask(url):\n    return requests.get(url, timeout=5).json()\n",
        "import requests\n\n\ndef load(host):\n    return requests.get(f'https://{host}/all', verify=False, timeout=30)\n",
    ),
    Pair(
        "python: values inside a statement",
        "app/customers.py",
        "def find(connection, name):\n    return connection.execute(\"SELECT id FROM customers WHERE name = '%s'\" % name).fetchone()\n",
        'def find(connection, name):\n    return connection.execute("SELECT id FROM customers WHERE name = %s", (name,)).fetchone()\n',
        "def drop(db, table):\n    db.execute('DELETE FROM %s' % table)\n",
    ),
    Pair(
        "python: removed while looked at",
        "app/sweep.py",
        "def sweep(sessions, now):\n    for key in sessions:\n        if sessions[key].ends < now:\n            del sessions[key]\n",
        "def sweep(sessions, now):\n    for key in list(sessions):\n        if sessions[key].ends < now:\n            del sessions[key]\n",
        "def forget(jobs):\n    for name in jobs:\n        if jobs[name].done:\n            del jobs[name]\n",
    ),
    Pair(
        "javascript: a number in which base",
        "src/page.js",
        "function page(query) {\n  return parseInt(query.page);\n}\n",
        "function page(query) {\n  return parseInt(query.page, 10);\n}\n",
        "const limit = parseInt(process.env.LIMIT) || 20;\n",
    ),
    Pair(
        "javascript: text that becomes a page",
        "src/greeting.js",
        "function greet(box, user) {\n  box.innerHTML = user.name;\n}\n",
        "function greet(box, user) {\n  box.textContent = user.name;\n}\n",
        "function show(element, message) {\n  element.innerHTML = message.text;\n}\n",
    ),
    Pair(
        "javascript: waits for ever",
        "src/rates.js",
        "async function rates(url) {\n  const answer = await fetch(url);\n  return answer.json();\n}\n",
        "async function rates(url) {\n  const answer = await fetch(url, { signal: AbortSignal.timeout(5000) });\n  return answer.json();\n}\n",
        "const load = (path) => fetch(`/api/${path}`).then((answer) => answer.text());\n",
    ),
    Pair(
        "go: nobody looks whether it parsed",
        "shop/order.go",
        "package shop\n\nfunc Parse(body []byte) Order {\n\tvar order Order\n\tjson.Unmarshal(body, &order)\n\treturn order\n}\n",
        "package shop\n\nfunc Parse(body []byte) (Order, error) {\n\tvar order Order\n\tif err := json.Unmarshal(body, &order); err != nil {\n\t\treturn order, err\n\t}\n\treturn order, nil\n}\n",
        "package mail\n\nfunc read(text []byte) (found Letter) {\n\tjson.Unmarshal(text, &found)\n\treturn\n}\n",
    ),
    Pair(
        "java: values inside a statement",
        "src/main/java/shop/Orders.java",
        'class Orders {\n    ResultSet of(Statement statement, String customer) throws SQLException {\n        return statement.executeQuery("SELECT * FROM orders WHERE customer = " + customer);\n    }\n}\n',
        'class Orders {\n    ResultSet of(Connection connection, String customer) throws SQLException {\n        PreparedStatement asked = connection.prepareStatement("SELECT * FROM orders WHERE customer = ?");\n        asked.setString(1, customer);\n        return asked.executeQuery();\n    }\n}\n',
        'class Users {\n    boolean known(Statement query, String name) throws SQLException {\n        return query.executeQuery("SELECT 1 FROM users WHERE name = \'" + name + "\'").next();\n    }\n}\n',
    ),
    Pair(
        "php: objects of strangers",
        "src/Session.php",
        "<?php\nfunction session($cookie)\n{\n    return unserialize($cookie);\n}\n",
        "<?php\nfunction session($cookie)\n{\n    return unserialize($cookie, ['allowed_classes' => false]);\n}\n",
        "<?php\n$basket = unserialize($_COOKIE['basket']);\n",
    ),
    Pair(
        "php: nearly in it",
        "src/Roles.php",
        "<?php\nfunction may($role, $roles)\n{\n    return in_array($role, $roles);\n}\n",
        "<?php\nfunction may($role, $roles)\n{\n    return in_array($role, $roles, true);\n}\n",
        "<?php\nif (in_array($code, [0, 1])) {\n    exit;\n}\n",
    ),
    Pair(
        "python: swallowed",
        "app/jobs.py",
        "def run(job):\n    try:\n        job.start()\n    except Exception:\n        pass\n",
        "import logging\n\n\ndef run(job):\n    try:\n        job.start()\n    except Exception:\n        logging.exception('job %s failed', job)\n",
        "def stop(worker):\n    try:\n        worker.stop()\n    except Exception:\n        pass\n",
    ),
    Pair(
        "ini: too few who work",
        "deploy/server.ini",
        "[server]\nworkers = 1\nbind = 0.0.0.0\n",
        "[server]\nworkers = 4\nbind = 0.0.0.0\n",
        "[server]\nbind = 127.0.0.1\nworkers = 2\n",
    ),
    Pair(
        "python: compared to the second",
        "app/hooks.py",
        "def genuine(given, wanted):\n    return given.signature == wanted.hexdigest()\n",
        "import hmac\n\n\ndef genuine(given, wanted):\n    return hmac.compare_digest(given.signature, wanted.hexdigest())\n",
        "def trusted(request, expected):\n    return request.signature == expected.hexdigest()\n",
    ),
)
"""Sixteen more, written before the compiler learned to leave the names of receivers open; its forms were then made with them in sight."""

LAST: tuple[Pair, ...] = (
    Pair(
        "python: a program that never ends",
        "app/version.py",
        "import subprocess\n\n\ndef version(tool):\n    return subprocess.check_output([tool, '--version'])\n",
        "import subprocess\n\n\ndef version(tool):\n    return subprocess.check_output([tool, '--version'], timeout=10)\n",
        "import subprocess\n\nhead = subprocess.check_output('git rev-parse HEAD'.split(), text=True).strip()\n",
    ),
    Pair(
        "python: a name for somebody else",
        "app/export.py",
        "import tempfile\n\n\ndef export(rows):\n    path = tempfile.mktemp(suffix='.csv')\n    write(path, rows)\n    return path\n",
        "import tempfile\n\n\ndef export(rows):\n    _, path = tempfile.mkstemp(suffix='.csv')\n    write(path, rows)\n    return path\n",
        "import tempfile\n\nlog = open(tempfile.mktemp(), 'w')\n",
    ),
    Pair(
        "python: code of strangers",
        "app/queue.py",
        "import pickle\n\n\ndef received(body):\n    return pickle.loads(body)\n",
        "import json\n\n\ndef received(body):\n    return json.loads(body)\n",
        "import pickle\n\n\nclass Store:\n    def get(self, key):\n        return pickle.loads(self.redis.get(key))\n",
    ),
    Pair(
        "python: checked only in development",
        "app/admin.py",
        "def remove(user, order):\n    assert user.is_admin\n    order.delete()\n",
        "def remove(user, order):\n    if not user.is_admin:\n        raise PermissionError(user.name)\n    order.delete()\n",
        "def reset(request):\n    assert request.is_admin, 'not you'\n    request.shop.reset()\n",
    ),
    Pair(
        "javascript: values inside a statement",
        "src/orders.js",
        'function orders(db, id) {\n  return db.query("SELECT * FROM orders WHERE customer = " + id);\n}\n',
        'function orders(db, id) {\n  return db.query("SELECT * FROM orders WHERE customer = $1", [id]);\n}\n',
        "async function user(pool, name) {\n  return await pool.query(`SELECT * FROM users WHERE name = '${name}'`);\n}\n",
    ),
    Pair(
        "javascript: text that is run",
        "src/rules.js",
        "function rule(text) {\n  return eval(text);\n}\n",
        "function rule(text) {\n  return JSON.parse(text);\n}\n",
        "const settings = eval('(' + body + ')');\n",
    ),
    Pair(
        "go: values inside a statement",
        "store/users.go",
        'package store\n\nfunc User(db *sql.DB, name string) *sql.Row {\n\treturn db.QueryRow("SELECT id FROM users WHERE name = \'" + name + "\'")\n}\n',
        'package store\n\nfunc User(db *sql.DB, name string) *sql.Row {\n\treturn db.QueryRow("SELECT id FROM users WHERE name = ?", name)\n}\n',
        'package orders\n\nfunc last(tx *sql.Tx, customer string) *sql.Row {\n\treturn tx.QueryRow("SELECT max(id) FROM orders WHERE customer = " + customer)\n}\n',
    ),
    Pair(
        "php: a page of strangers",
        "public/search.php",
        "<?php\necho '<h1>';\necho $_GET['q'];\n",
        "<?php\necho '<h1>';\necho htmlspecialchars($_GET['q']);\n",
        "<?php\n$title = 'x';\necho $_GET['title'];\n",
    ),
    Pair(
        "java: numbers that can be guessed",
        "src/main/java/shop/Tokens.java",
        "class Tokens {\n    private final Random random = new Random();\n\n    long token() {\n        return random.nextLong();\n    }\n}\n",
        "class Tokens {\n    private final SecureRandom random = new SecureRandom();\n\n    long token() {\n        return random.nextLong();\n    }\n}\n",
        "class Coupons {\n    String coupon() {\n        return Long.toString(new Random().nextLong(), 36);\n    }\n}\n",
    ),
    Pair(
        "yaml: anybody may write",
        "deploy/api.yaml",
        "spec:\n  containers:\n    - name: api\n      securityContext:\n        readOnlyRootFilesystem: false\n",
        "spec:\n  containers:\n    - name: api\n      securityContext:\n        readOnlyRootFilesystem: true\n",
        "spec:\n  containers:\n    - name: mail\n      securityContext:\n        readOnlyRootFilesystem: false\n",
    ),
)
"""Ten that were written when that was done; after their first run, rules that spoke too often in strangers' code were narrowed."""
