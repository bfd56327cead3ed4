"""Before and after of our own: small faults as they are repaired, in six languages; the defects of the demo are among them.

Each pair also has `elsewhere`: the same mistake in other words, which a guard that understood it finds in another repository.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pair:
    """One repaired fault: `elsewhere` makes it again with other names, and is empty where only the very words are the mistake."""

    name: str
    path: str
    before: str
    after: str
    elsewhere: str = ""


PAIRS: tuple[Pair, ...] = (
    Pair(
        "python: no timeout",
        "app/rates.py",
        "import requests\n\n\ndef rates(url):\n    answer = requests.get(url)\n    return answer.json()\n",
        "import requests\n\n\ndef rates(url):\n    answer = requests.get(url, timeout=5)\n    return answer.json()\n",
        "import requests\n\nprices = requests.get('https://x.test/p', headers={'a': 'b'})\n",
    ),
    Pair(
        "python: file never closed",
        "app/report.py",
        "def load(path):\n    file = open(path, encoding='utf-8')\n    text = file.read()\n    return text.upper()\n",
        "def load(path):\n    with open(path, encoding='utf-8') as file:\n        text = file.read()\n    return text.upper()\n",
        "def other(name):\n    handle = open(name)\n    lines = handle.readlines()\n    return len(lines)\n",
    ),
    Pair(
        "python: no match",
        "app/names.py",
        "import re\n\n\ndef first(text):\n    found = re.match(r'(\\w+) ', text)\n    return found.group(1)\n",
        "import re\n\n\ndef first(text):\n    found = re.match(r'(\\w+) ', text)\n    if found is None:\n        return ''\n    return found.group(1)\n",
        "import re\n\n\ndef year(line):\n    m = re.match('[0-9]{4}', line)\n    return int(m.group())\n",
    ),
    Pair(
        "python: unsafe yaml",
        "app/config.py",
        "import yaml\n\n\ndef config(text):\n    return yaml.load(text)\n",
        "import yaml\n\n\ndef config(text):\n    return yaml.safe_load(text)\n",
        "import yaml\n\nsettings = yaml.load(open('x.yml').read())\n",
    ),
    Pair(
        "python: division by an empty list",
        "app/stats.py",
        "def mean(values):\n    total = sum(values)\n    return total / len(values)\n",
        "def mean(values):\n    if not values:\n        return 0\n    total = sum(values)\n    return total / len(values)\n",
    ),
    Pair(
        "python: phone may be missing (demo)",
        "shop/customers.py",
        "def format_phone(phone):\n    digits = phone.strip().replace(' ', '')\n    return digits\n",
        "def format_phone(phone):\n    if phone is None:\n        return ''\n    digits = phone.strip().replace(' ', '')\n    return digits\n",
        "def show(phone):\n    print(1)\n    return phone.strip()\n",
    ),
    Pair(
        "python: coupon not found (demo)",
        "shop/coupons.py",
        "COUPONS = {}\n\n\ndef percent_off(code):\n    coupon = COUPONS.get(code.upper())\n    return coupon['percent']\n",
        "COUPONS = {}\n\n\ndef percent_off(code):\n    coupon = COUPONS.get(code.upper())\n    if coupon is None:\n        return 0\n    return coupon['percent']\n",
        "COUPONS = {}\n\n\ndef other(code):\n    held = COUPONS.get(code)\n    return held['percent'] + 1\n",
    ),
    Pair(
        "python: client of every call (demo)",
        "shop/recommendations.py",
        "import httpx2\n\n\ndef related(product):\n    client = httpx2.Client(timeout=2)\n    answer = client.get(f'/related/{product}')\n    return answer.json()\n",
        "import httpx2\n\n\ndef related(product):\n    with httpx2.Client(timeout=2) as client:\n        answer = client.get(f'/related/{product}')\n    return answer.json()\n",
        "import httpx2\n\n\ndef price(id):\n    web = httpx2.Client()\n    return web.get(f'/p/{id}').json()\n",
    ),
    Pair(
        "python: payments tried once (demo)",
        "shop/payments.py",
        "from shop import outbound\n\n\ndef charge(amount):\n    answer = outbound.client.post('/charge', json={'amount': amount})\n    if answer.status_code != 200:\n        raise RuntimeError('payment provider answered')\n    return answer.json()['id']\n",
        "from shop import outbound\nfrom shop.retries import retried\n\n\ndef charge(amount):\n    answer = retried(lambda: outbound.client.post('/charge', json={'amount': amount}))\n    if answer.status_code != 200:\n        raise RuntimeError('payment provider answered')\n    return answer.json()['id']\n",
        "from shop import outbound\n\n\ndef refund(id):\n    return outbound.client.post('/refund', json={'id': id})\n",
    ),
    Pair(
        "python: certificates unchecked",
        "app/feed.py",
        "import requests\n\n\ndef feed(url):\n    return requests.get(url, timeout=3, verify=False).text\n",
        "import requests\n\n\ndef feed(url):\n    return requests.get(url, timeout=3, verify=True).text\n",
        "import requests\n\nrequests.get('https://x.test', verify=False)\n",
    ),
    Pair(
        "python: answer cut off",
        "app/assistant.py",
        "def ask(client, question):\n    return client.messages.create(model='m', max_tokens=64, messages=[question])\n",
        "def ask(client, question):\n    return client.messages.create(model='m', max_tokens=4096, messages=[question])\n",
        "def sum_up(client, text):\n    return client.messages.create(max_tokens=256, messages=[text], model='n')\n",
    ),
    Pair(
        "python: time without a zone",
        "app/clock.py",
        "from datetime import datetime\n\n\ndef now():\n    return datetime.now()\n",
        "from datetime import UTC, datetime\n\n\ndef now():\n    return datetime.now(UTC)\n",
        "from datetime import datetime\n\nstarted = datetime.now()\n",
    ),
    Pair(
        "javascript: no signal",
        "src/api.js",
        "export async function load(id) {\n  const answer = await fetch(`/items/${id}`);\n  return answer.json();\n}\n",
        "export async function load(id) {\n  const answer = await fetch(`/items/${id}`, { signal: AbortSignal.timeout(5000) });\n  return answer.json();\n}\n",
        "export async function save(item) {\n  return await fetch('/items', { method: 'POST', body: item });\n}\n",
    ),
    Pair(
        "javascript: not awaited",
        "src/store.js",
        "async function store(order) {\n  database.insertOrder(order);\n  return true;\n}\n",
        "async function store(order) {\n  await database.insertOrder(order);\n  return true;\n}\n",
        "async function again(o) {\n  log(o);\n  database.insertOrder(o, { retry: true });\n}\n",
    ),
    Pair(
        "javascript: nobody at home",
        "src/card.js",
        "function card(customer) {\n  const name = customer.address.city.trim();\n  return name;\n}\n",
        "function card(customer) {\n  const name = (customer.address?.city ?? '').trim();\n  return name;\n}\n",
        "function label(customer) {\n  print(customer.address.city.trim());\n}\n",
    ),
    Pair(
        "javascript: pool of two",
        "src/db.js",
        "const pool = new Pool({ host: 'db', max: 2 });\nmodule.exports = pool;\n",
        "const pool = new Pool({ host: 'db', max: 20 });\nmodule.exports = pool;\n",
        "exports.pool = new Pool({ max: 5 });\n",
    ),
    Pair(
        "javascript: endless retries",
        "src/client.js",
        "const client = axios.create({ baseURL: url });\n",
        "const client = axios.create({ baseURL: url, timeout: 5000 });\n",
        "const other = axios.create({ headers: {} });\n",
    ),
    Pair(
        "go: error dropped",
        "rates/rates.go",
        "package rates\n\nfunc Load(path string) []byte {\n\tdata, _ := os.ReadFile(path)\n\treturn data\n}\n",
        "package rates\n\nfunc Load(path string) []byte {\n\tdata, err := os.ReadFile(path)\n\tif err != nil {\n\t\tlog.Fatal(err)\n\t}\n\treturn data\n}\n",
    ),
    Pair(
        "go: client without a timeout",
        "web/client.go",
        "package web\n\nfunc Get(url string) (*http.Response, error) {\n\tclient := &http.Client{}\n\treturn client.Get(url)\n}\n",
        "package web\n\nfunc Get(url string) (*http.Response, error) {\n\tclient := &http.Client{Timeout: 10 * time.Second}\n\treturn client.Get(url)\n}\n",
        "package other\n\nvar c = http.Client{Transport: t}\n",
    ),
    Pair(
        "go: body never closed",
        "web/fetch.go",
        "package web\n\nfunc Fetch(url string) ([]byte, error) {\n\tresp, err := http.Get(url)\n\tif err != nil {\n\t\treturn nil, err\n\t}\n\treturn io.ReadAll(resp.Body)\n}\n",
        "package web\n\nfunc Fetch(url string) ([]byte, error) {\n\tresp, err := http.Get(url)\n\tif err != nil {\n\t\treturn nil, err\n\t}\n\tdefer resp.Body.Close()\n\treturn io.ReadAll(resp.Body)\n}\n",
        "package other\n\nfunc Status(u string) int {\n\tr, _ := http.Get(u)\n\treturn r.StatusCode\n}\n",
    ),
    Pair(
        "go: map of nobody",
        "users/users.go",
        "package users\n\nfunc Name(id int) string {\n\tuser := byID[id]\n\treturn user.Name\n}\n",
        'package users\n\nfunc Name(id int) string {\n\tuser := byID[id]\n\tif user == nil {\n\t\treturn ""\n\t}\n\treturn user.Name\n}\n',
    ),
    Pair(
        "php: curl without a timeout",
        "src/Rates.php",
        "<?php\nfunction rates($url)\n{\n    $ch = curl_init($url);\n    curl_setopt($ch, CURLOPT_RETURNTRANSFER, true);\n    $body = curl_exec($ch);\n    return json_decode($body);\n}\n",
        "<?php\nfunction rates($url)\n{\n    $ch = curl_init($url);\n    curl_setopt($ch, CURLOPT_RETURNTRANSFER, true);\n    curl_setopt($ch, CURLOPT_TIMEOUT, 5);\n    $body = curl_exec($ch);\n    return json_decode($body);\n}\n",
        "<?php\nfunction fetch($u)\n{\n    $handle = curl_init($u);\n    return curl_exec($handle);\n}\n",
    ),
    Pair(
        "php: client without a timeout",
        "src/Client.php",
        "<?php\n$client = new Client(['base_uri' => $uri]);\n$client->get('/');\n",
        "<?php\n$client = new Client(['base_uri' => $uri, 'timeout' => 5]);\n$client->get('/');\n",
        "<?php\n$other = new Client(['headers' => []]);\n",
    ),
    Pair(
        "php: nobody's name",
        "src/Label.php",
        "<?php\nfunction label($order)\n{\n    return trim($order->getCustomer()->getName());\n}\n",
        "<?php\nfunction label($order)\n{\n    return trim($order->getCustomer()?->getName() ?? '');\n}\n",
        "<?php\nfunction greet($order)\n{\n    echo $order->getCustomer()->getName();\n}\n",
    ),
    Pair(
        "yaml: pool of two",
        "config/database.yaml",
        "database:\n  host: db\n  pool_size: 2\n",
        "database:\n  host: db\n  pool_size: 20\n",
        "database:\n  pool_size: 5\n  host: other\n",
    ),
    Pair(
        "yaml: memory of a container",
        "deploy/api.yaml",
        "spec:\n  containers:\n    - name: api\n      resources:\n        limits:\n          memory: 128Mi\n",
        "spec:\n  containers:\n    - name: api\n      resources:\n        limits:\n          memory: 512Mi\n",
        "spec:\n  containers:\n    - name: web\n      resources:\n        limits:\n          cpu: 1\n          memory: 256Mi\n",
    ),
    Pair(
        "yaml: no time limit",
        ".ci/pipeline.yml",
        "job:\n  image: python\n  retries: 2\n",
        "job:\n  image: python\n  retries: 2\n  timeout: 10m\n",
        "job:\n  image: node\n",
    ),
    Pair(
        "toml: pool of two (demo)",
        "settings.toml",
        '[database]\npath = "shop.db"\npool_size = 2\n',
        '[database]\npath = "shop.db"\npool_size = 16\n',
        "[database]\npool_size = 3\n",
    ),
    Pair(
        "toml: answers cut off (demo)",
        "settings.toml",
        '[assistant]\nmodel = "small"\nmax_tokens = 64\n',
        '[assistant]\nmodel = "small"\nmax_tokens = 1024\n',
        "[assistant]\nmax_tokens = 256\n",
    ),
    Pair(
        "toml: debugging in production",
        "settings.toml",
        "[server]\nport = 80\ndebug = true\n",
        "[server]\nport = 80\ndebug = false\n",
        "[server]\ndebug = true\n",
    ),
    Pair(
        "dockerfile: moving base",
        "Dockerfile",
        "FROM python:latest\nCOPY . /app\n",
        "FROM python:3.12-slim\nCOPY . /app\n",
        "FROM   python:latest\nRUN true\n",
    ),
)
