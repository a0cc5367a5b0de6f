import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { foreignHosts } from './generators/header-spellings.ts'
import { asNobody, noOtherUser } from './instruments/as-nobody.ts'
import { Gateway, StartFailed } from './instruments/gateway.ts'
import { exchange } from './instruments/raw-http.ts'
import { headerOf } from './instruments/read-answers.ts'
import { send } from './instruments/send.ts'
import { type World, world } from './instruments/world.ts'

const noRoot = noOtherUser()
const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8)

/** Local ports on which a process listens, from the kernel's own tables. */
function listeningPorts(pid: number): number[] {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? []
      } catch {
        return []
      }
    }),
  )
  const rows = ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8').split('\n').slice(1),
  )
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter((field) => field[3] === '0A' && inodes.has(field[9] ?? ''))
    .map((field) => Number.parseInt(field[1]!.split(':')[1]!, 16))
}

describe('the daemon on its machine', () => {
  let around: World
  before(async () => {
    around = await world()
  })
  after(() => around[Symbol.asyncDispose]())

  test('answers to its own names only (K-01)', async () => {
    const { port } = around.gateway
    const ask = (host: string, path = '/to/u/n') => {
      const head = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${around.token}\r\nConnection: close\r\n\r\n`
      return exchange({ port }, head, { answers: 1 })
    }
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `LocalHost:${port}`]) {
      assert.equal((await ask(host)).answers[0]?.status, 200, host)
    }
    const before = around.upstream.receipts.length
    let misdirected = 0
    for (const host of foreignHosts(port)) {
      for (const path of ['/to/u/n', '/', '/health', '/claviger/v1/call']) {
        const answer = (await ask(host, path)).answers[0]
        assert.ok(answer?.status === 421 || answer?.status === 400, `${host} ${path} → ${answer?.status}`)
        if (answer.status === 421) misdirected++
        assert.ok(headerOf(answer, 'claviger-request-id'))
      }
    }
    assert.ok(misdirected >= 20 * 4, `${misdirected}`)
    assert.equal(around.upstream.receipts.length, before)
  })

  test('refuses what a web page of another site sends', async () => {
    const reply = await around.call('/n', { headers: { 'sec-fetch-site': 'cross-site', origin: 'http://evil.test' } })
    assert.equal(reply.status, 403)
  })

  test('keeps operators’ endpoints off the agents’ listener, and agents off the operators’ socket (G-03)', async () => {
    const paths: readonly (readonly [string, string])[] = [
      ['GET', '/agents'],
      ['POST', '/agents'],
      ['POST', '/emergency-revoke'],
      ['GET', '/credentials'],
      ['POST', '/seal'],
      ['GET', '/status'],
      ['POST', '/tokens'],
    ]
    for (const [method, path] of paths) {
      for (const token of [around.token, around.gateway.operatorToken]) {
        const headers = { authorization: `Bearer ${token}` }
        const outside = await around.gateway.agent(method, `/claviger/v1${path}`, { headers })
        assert.ok([401, 403, 404].includes(outside.status), `${method} ${path} → ${outside.status}`)
      }
      for (const token of [around.token, '', 'x']) {
        const inside = await around.gateway.operator(method, path, undefined, token)
        assert.ok(
          [401, 403].includes(inside.status),
          `${method} ${path} with '${token.slice(0, 6)}' → ${inside.status}`,
        )
      }
    }
  })

  test('keeps home, socket and key file to its own user (K-03, H-05)', () => {
    const { home, socketPath, keyFile } = around.gateway
    assert.equal(mode(home), '700')
    assert.equal(mode(socketPath), '600')
    assert.equal(mode(keyFile), '400')
    const look = (folder: string): void => {
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        const path = join(folder, entry.name)
        assert.equal(statSync(path).mode & 0o077, 0, path)
        if (entry.isDirectory()) look(path)
      }
    }
    look(home)
  })

  test('lets no other user at its socket, files or process (K-03, K-04)', { skip: noRoot ?? false }, async () => {
    const { folder, socketPath, keyFile, home, pid } = around.gateway
    chmodSync(folder, 0o755)
    try {
      for (const path of [socketPath, keyFile, join(home, 'claviger.db'), `/proc/${pid}/environ`, `/proc/${pid}/mem`]) {
        const { status } = asNobody('cat', path)
        assert.notEqual(status, 0, path)
      }
      const program = `require('net').connect(${JSON.stringify(socketPath)}).on('error',e=>{console.log(e.code)}).on('connect',()=>console.log('in'))`
      const { stdout } = asNobody(process.execPath, '-e', program)
      assert.equal(stdout.trim(), 'EACCES')
    } finally {
      chmodSync(folder, 0o700)
    }
  })

  test('opens no inspector when signalled (D-05)', async () => {
    const { gateway } = around
    const before = listeningPorts(gateway.pid)
    assert.ok(before.includes(gateway.port))
    gateway.signal('SIGUSR1')
    await new Promise((resolve) => setTimeout(resolve, 300))
    assert.ok(gateway.running, 'SIGUSR1 ended the gateway')
    assert.deepEqual(listeningPorts(gateway.pid), before)
  })
})

describe('the house’s own process', () => {
  test('drops no core and no report, whatever the shell allows (D-05)', async () => {
    await using gateway = await Gateway.start({ wrapper: ['sh', '-c', 'ulimit -c unlimited; exec "$@"', 'sh'] })
    const limit = /Max core file size\s+(\S+)/.exec(readFileSync(`/proc/${gateway.pid}/limits`, 'utf8'))?.[1]
    assert.equal(limit, '0')
    await gateway.stop('SIGABRT')
    assert.deepEqual(
      readdirSync(gateway.folder).filter((name) => /core|report/.test(name)),
      [],
    )
  })

  test('shares its home with no second process, and blocks no next start (H-06)', async () => {
    await using first = await Gateway.start()
    for (let round = 0; round < 3; round++) {
      const second = Gateway.start({ folder: first.folder })
      await assert.rejects(
        second,
        (error) => error instanceof StartFailed && error.code === 78 && /home_in_use/.test(error.output),
      )
      assert.equal((await first.agent('GET', '/health')).status, 200)
      await first.kill9()
      await first.restart()
    }
    assert.equal(await first.stop(), 0)
  })

  test('keeps everything over a clean restart, and prints the operator token once only', async () => {
    await using gateway = await Gateway.start()
    assert.match(String(gateway.ready.operatorToken), /^clv_op_/)
    assert.match(String(gateway.ready.try), /^curl /)
    await gateway.does('POST', '/agents', { name: 'kept' })
    assert.equal(await gateway.stop(), 0)
    await gateway.restart()
    assert.equal(gateway.ready.operatorToken, undefined)
    assert.equal(gateway.ready.try, undefined)
    const { items } = await gateway.does<{ items: { name: string }[] }>('GET', '/agents')
    assert.ok(items.some(({ name }) => name === 'kept'))
  })

  test('makes the first call with the printed curl line', async (t) => {
    if (spawnSync('curl', ['--version']).error !== undefined) return t.skip('curl is not installed')
    await using gateway = await Gateway.start()
    const { stdout, status } = spawnSync('sh', ['-c', String(gateway.ready.try)], { encoding: 'utf8' })
    assert.equal(status, 0)
    assert.match(stdout, /never held/)
  })

  test('listens beyond loopback only when told that this is unsafe (E-08)', async () => {
    await assert.rejects(Gateway.start({ env: { CLAVIGER_HOST: '0.0.0.0' } }), { code: 78 })
  })

  test('serves only health and the page while sealed', async () => {
    await using around = await world()
    await around.gateway.does('POST', '/seal')
    assert.equal((await around.gateway.agent('GET', '/health')).status, 200)
    assert.equal((await send({ port: around.gateway.port, method: 'GET', path: '/' })).status, 200)
    assert.equal((await around.call('/n')).status, 503)
    assert.equal((await around.gateway.operator('GET', '/agents')).status, 503)
    assert.equal(around.upstream.receipts.length, 0)
  })
})

/** H-05: layouts of a home that somebody else could read or change. Each gets the folder that holds `home` and `home.key`. */
const badLayouts: Readonly<Record<string, (folder: string) => void>> = {
  'home readable by the group': (folder) => chmodSync(join(folder, 'home'), 0o750),
  'home writable by all': (folder) => chmodSync(join(folder, 'home'), 0o777),
  'home is a link': (folder) => {
    renameSync(join(folder, 'home'), join(folder, 'elsewhere'))
    symlinkSync(join(folder, 'elsewhere'), join(folder, 'home'))
  },
  'home is a file': (folder) => {
    rmSync(join(folder, 'home'), { recursive: true })
    writeFileSync(join(folder, 'home'), '')
  },
  'database readable by all': (folder) => chmodSync(databaseOf(folder), 0o644),
  'database is a link': (folder) => {
    renameSync(databaseOf(folder), join(folder, 'elsewhere.db'))
    symlinkSync(join(folder, 'elsewhere.db'), databaseOf(folder))
  },
  'database has another hard link': (folder) => linkSync(databaseOf(folder), join(folder, 'second.db')),
  'audit folder open to the group': (folder) => chmodSync(join(folder, 'home', 'audit'), 0o770),
  'key file readable by all': (folder) => chmodSync(join(folder, 'home.key'), 0o444),
  'key file is a link': (folder) => {
    renameSync(join(folder, 'home.key'), join(folder, 'elsewhere.key'))
    symlinkSync(join(folder, 'elsewhere.key'), join(folder, 'home.key'))
  },
  'folder above writable by all': (folder) => chmodSync(folder, 0o777),
  'a pipe in the home': (folder) => void spawnSync('mkfifo', ['-m', '600', join(folder, 'home', 'pipe')]),
}

const foreignLayouts: Readonly<Record<string, (folder: string) => void>> = {
  'home belongs to another': (folder) => chownSync(join(folder, 'home'), 65_534, 65_534),
  'database belongs to another': (folder) => chownSync(databaseOf(folder), 65_534, 65_534),
  'key file belongs to another': (folder) => chownSync(join(folder, 'home.key'), 65_534, 65_534),
}

function databaseOf(folder: string): string {
  return join(folder, 'home', 'claviger.db')
}

describe('an unsafe home (H-05)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'claviger-layout-'))
  const good = join(folder, 'good')
  before(async () => {
    mkdirSync(good, { mode: 0o700 })
    const gateway = await Gateway.start({ folder: good })
    await gateway.stop()
  })
  after(() => rmSync(folder, { recursive: true }))

  const refuses = async (spoil: (folder: string) => void): Promise<void> => {
    const spoilt = mkdtempSync(join(folder, 'spoilt-'))
    execFileSync('cp', ['-a', `${good}/.`, spoilt])
    spoil(spoilt)
    const started = await Gateway.start({ folder: spoilt }).catch((error: unknown) => error)
    if (started instanceof Gateway) await started[Symbol.asyncDispose]()
    assert.ok(started instanceof StartFailed, 'the gateway started')
    assert.equal(started.code, 78, started.output)
    assert.ok(started.output.includes(spoilt), `the path is not named: ${started.output}`)
    rmSync(spoilt, { recursive: true })
  }
  test('is served when it is as it should be', async () => {
    await using gateway = await Gateway.start({ folder: good })
    assert.equal((await gateway.agent('GET', '/health')).status, 200)
  })
  for (const [name, spoil] of Object.entries(badLayouts)) test(`is refused: ${name}`, () => refuses(spoil))
  for (const [name, spoil] of Object.entries(foreignLayouts)) {
    test(`is refused: ${name}`, { skip: noRoot ?? false }, () => refuses(spoil))
  }
})
