import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { claviger } from './testing/cli-process.ts'
import { inProcess } from './testing/in-process.ts'

const root = mkdtempSync(join(tmpdir(), 'claviger-cli-'))
after(() => rmSync(root, { recursive: true }))
const env = { CLAVIGER_HOME: join(root, 'none'), CLAVIGER_URL: 'http://127.0.0.1:9' }
const canary = 'sk-canary-7f3a'

describe('claviger', () => {
  const usage: readonly (readonly string[])[] = [
    [],
    ['agent'],
    ['agent', 'add'],
    ['agent', 'add', 'one', canary],
    ['nope'],
    [canary],
    ['passphrase', canary],
    ['status', `--${canary}`],
    ['status', `--${canary}=x`],
    ['store', 'x', canary, '--service', 'y'],
    ['store', 'x', '--service', 'y', '--secret', canary],
    ['store', 'x', '--service', 'y', `--secret=${canary}`],
    ['store', 'x', '--service', 'y', '--secret-env', canary],
    ['store', 'x', '--service', 'y', '--meta', canary],
    ['store', 'x'],
    ['unseal', '--passphrase', canary],
    ['passphrase', 'set', '--password', canary],
    ['call', 's', 'GET', '/', '--token', canary],
    ['call', 's', 'GET', '/', '--header', canary],
    ['call', 's', 'GET', '/', '--body', 'x', '--body-file', '/dev/null'],
    ['call', 's'],
    ['call', 's', 'GET'],
    ['call', 's', 'GET', '/', '--param', 'a=b'],
    ['call', 's', 'GET', '/', '--action', 'a'],
    ['call', 's', '--action', 'a', '--param', canary],
    ['call', 's', '--action', 'a', '--params', canary],
    ['credential', 'rotate', 'x', '--ttl', canary],
    ['token', 'issue', 'a', '--ttl', '5'],
    ['token', 'revoke'],
    ['token', 'revoke', 'tok_1', '--agent', 'a'],
    ['grant', 'a', 's'],
    ['grant', 'a', 's', '--scope', 's:read', '--rpm', 'many'],
    ['grant', 'a', 's', '--scope', 's:read', '--uses', '1.5'],
    ['explain', 'a', 'b'],
    ['explain', 'a', 'b', 'c', 'd', 'e'],
    ['audit', 'show', '-1'],
    ['audit', 'prove'],
    ['audit', 'prove', '--seq', '1', '--rid', 'call_1'],
    ['service', 'add', 's', '--inject', 'cookie'],
    ['service', 'add', 's', '--action', canary],
    ['service', 'template', 'load', 'github', '--set', canary],
    ['service', 'template', 'validate'],
  ]
  test('answers a command line it does not understand with 64, on stderr, without repeating values', async () => {
    const home = unusedHome()
    for (const args of usage) {
      const { code, stdout, stderr } = await inProcess(args, { env: { ...env, CLAVIGER_HOME: home } })
      assert.deepEqual({ args, code, stdout }, { args, code: 64, stdout: '' }, stderr)
      assert.ok(!stderr.includes(canary), `${args.join(' ')}: ${stderr}`)
    }
  })

  const running: readonly (readonly string[])[] = [
    ['status'],
    ['agent', 'list'],
    ['store', 'x', '--service', 'y', '--secret-stdin'],
    ['grants', '--json'],
    ['emergency-revoke'],
    ['audit', 'tail'],
    ['audit', 'verify', '--unsealed'],
    ['seal'],
    ['unseal', '--key-file'],
    ['operator', 'token', 'rotate'],
    ['call', 's', 'GET', '/'],
    ['explain', 's', 'GET', '/'],
    ['explain', 'a', 's', 'GET', '/'],
    ['config', '--running'],
  ]
  test('ends with 69 and a hint where it needs a gateway and none runs', async () => {
    for (const args of running) {
      const { code, stdout, stderr } = await inProcess(args, { env, stdin: canary })
      assert.deepEqual({ args, code, stdout }, { args, code: 69, stdout: '' }, stderr)
      assert.match(stderr, /^claviger: .* \[gateway_not_running\]\n {2}why: .*\n {2}hint: .*claviger up/)
    }
  })

  const gone = join(root, 'gone', 'file')
  const broken = join(root, 'broken.json')
  const unreadable: readonly (readonly [code: string, exit: number, args: readonly string[]])[] = [
    ['file_unreadable', 64, ['service', 'template', 'validate', gone]],
    ['file_unreadable', 64, ['service', 'template', 'show', gone]],
    ['file_unreadable', 64, ['service', 'add', 's', '--file', gone]],
    ['file_unreadable', 64, ['connection', 'add', 'x', '--service', 'y', '--oauth-set', gone]],
    ['file_unreadable', 64, ['connection', 'add', 'x', '--service', 'y', '--google-key', gone]],
    ['file_unreadable', 64, ['call', 's', 'GET', '/', '--body-file', gone]],
    ['file_unreadable', 64, ['import', 'openclaw', gone]],
    ['file_unreadable', 64, ['agent', 'key', 'add', 'a', '--public-key', gone, '--proof', gone]],
    ['file_unwritable', 64, ['agent', 'keygen', gone]],
    ['checkpoint_missing', 2, ['audit', 'verify', '--dir', root, '--checkpoint', gone]],
    ['proof_missing', 2, ['audit', 'verify', '--proof', gone, '--key', broken]],
    ['verifier_key_missing', 2, ['audit', 'verify', '--proof', broken, '--key', gone]],
    ['file_not_json', 1, ['service', 'template', 'validate', broken]],
    ['file_not_json', 1, ['service', 'template', 'load', broken]],
    ['file_not_json', 1, ['service', 'add', 's', '--file', broken]],
    ['file_not_json', 1, ['connection', 'add', 'x', '--service', 'y', '--client-credentials', broken]],
  ]
  test('says of a file that it cannot use what to do, and nothing of what it holds', async () => {
    writeFileSync(broken, `{"${canary}": ${canary}`, { mode: 0o600 })
    const home = unusedHome()
    for (const [code, exit, args] of unreadable) {
      const ended = await inProcess(args, { env: { ...env, CLAVIGER_HOME: home } })
      assert.deepEqual({ args, code: ended.code, stdout: ended.stdout }, { args, code: exit, stdout: '' }, ended.stderr)
      assert.ok(ended.stderr.includes(`[${code}]`), ended.stderr)
      assert.match(ended.stderr, /^ {2}why: .*\n {2}hint: ./m)
      assert.ok(!ended.stderr.includes(canary), ended.stderr)
    }
    const { code, stderr } = await inProcess(['status'], { env: { ...env, CLAVIGER_OPERATOR_TOKEN_FILE: gone } })
    assert.deepEqual([code, /\[token_file_invalid\]/.test(stderr)], [77, true], stderr)
  })

  test('lists commands and exit codes in --help, on stdout', async () => {
    const { code, stdout } = await claviger(['--help'])
    assert.equal(code, 0)
    for (const word of ['init', 'up', 'doctor', 'emergency-revoke', 'audit', '69', '78'])
      assert.ok(stdout.includes(word), word)
  })

  test('says what a verb takes in its --help, and not again what the exit codes are', async () => {
    const { code, stdout } = await inProcess(['token', 'issue', '--help'], { env })
    assert.equal(code, 0)
    assert.match(stdout, /--ttl/)
    assert.ok(!stdout.includes('Exit codes'))
  })

  test('shows settings and their sources without a gateway', async () => {
    const { code, stdout } = await inProcess(['config', '--json'], { env: { ...env, CLAVIGER_PORT: '99' } })
    assert.equal(code, 0)
    const port = JSON.parse(stdout).items.find((item: { setting: string }) => item.setting === 'CLAVIGER_PORT')
    assert.deepEqual(port, { setting: 'CLAVIGER_PORT', value: 99, source: 'environment' })
  })

  test('ends with 78 for a setting it cannot use', async () => {
    for (const bad of [{ CLAVIGER_PORT: 'x' }, { CLAVIGER_HOST: '0.0.0.0' }]) {
      for (const args of [['config'], ['up'], ['doctor'], ['status']]) {
        const { code, stderr } = await inProcess(args, { env: { ...env, ...bad } })
        assert.equal(code, 78, `${args} ${JSON.stringify(bad)}: ${stderr}`)
      }
    }
  })

  test('refuses a token file that others may read', async () => {
    const file = join(root, 'token')
    writeFileSync(file, 'clv_op_x\n')
    chmodSync(file, 0o644)
    const { code, stderr } = await inProcess(['status'], { env: { ...env, CLAVIGER_OPERATOR_TOKEN_FILE: file } })
    assert.equal(code, 77, stderr)
    assert.match(stderr, /token_file_invalid/)
  })
})

let homes = 0
function unusedHome(): string {
  return join(root, `home-${homes++}`)
}

/** A socket that somebody else may have put there. */
async function squat(home: string): Promise<Server> {
  const server = createServer((socket) => socket.on('data', (bytes) => heard.push(bytes.toString())))
  await new Promise<void>((resolve) => server.listen(join(home, 'operator.sock'), resolve))
  return server
}
const heard: string[] = []

describe('a socket that is not ours (K-05)', () => {
  const isRoot = process.getuid?.() === 0
  const spoilers: readonly (readonly [string, (home: string) => void])[] = [
    ['its folder is writable by others', (home) => chmodSync(home, 0o770)],
    ['it belongs to another user', (home) => chownSync(join(home, 'operator.sock'), 65_534, 65_534)],
    ['its folder belongs to another user', (home) => chownSync(home, 65_534, 65_534)],
  ]
  for (const [what, spoil] of spoilers) {
    test(`is not talked to when ${what}`, { skip: !isRoot && 'needs root to give files away' }, async () => {
      const home = unusedHome()
      mkdirSync(home, { mode: 0o700 })
      const server = await squat(home)
      spoil(home)
      const { code, stderr } = await inProcess(['status'], {
        env: { CLAVIGER_HOME: home, CLAVIGER_OPERATOR_TOKEN: canary },
      })
      server.close()
      assert.equal(code, 78, stderr)
      assert.match(stderr, /\[socket_unsafe\]/)
      assert.deepEqual(heard, [])
    })
  }

  test('is not talked to when it is a link or a file', async () => {
    for (const make of [
      (path: string) => symlinkSync('/nonexistent', path),
      (path: string) => writeFileSync(path, ''),
    ]) {
      const home = unusedHome()
      mkdirSync(home, { mode: 0o700 })
      make(join(home, 'operator.sock'))
      const { code, stderr } = await inProcess(['status'], { env: { CLAVIGER_HOME: home } })
      assert.equal(code, 78, stderr)
    }
  })
})

describe('claviger doctor', () => {
  test('finds nothing broken where nothing is made yet, and makes nothing', async () => {
    const home = unusedHome()
    const { code, stdout, stderr } = await inProcess(['doctor', '--json'], {
      env: { CLAVIGER_HOME: home, CLAVIGER_PORT: '0' },
    })
    assert.equal(code, 0, stdout + stderr)
    const again = JSON.parse(
      (await inProcess(['doctor', '--json'], { env: { CLAVIGER_HOME: home, CLAVIGER_PORT: '0' } })).stdout,
    )
    assert.match(again.items.find((item: { about: string }) => item.about === 'home').says, /not there yet/)
  })

  test('names an open home, a readable key file and a taken port', async () => {
    const home = unusedHome()
    mkdirSync(home)
    chmodSync(home, 0o755)
    writeFileSync(`${home}.key`, 'x')
    chmodSync(`${home}.key`, 0o644)
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const port = String((server.address() as { port: number }).port)
    const { code, stdout } = await inProcess(['doctor', '--json'], {
      env: { CLAVIGER_HOME: home, CLAVIGER_PORT: port },
    })
    server.close()
    assert.equal(code, 78)
    const bad = JSON.parse(stdout).items.filter((item: { state: string }) => item.state === 'bad')
    assert.deepEqual(bad.map((item: { about: string }) => item.about).sort(), ['home', 'key file', 'port'])
  })
})
