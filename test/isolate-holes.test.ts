// `claviger run --isolate`: what is open already, and what lies in the folder of the work, leads out of no cage.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { noBubblewrap } from './instruments/bubblewrap.ts'
import { repository } from './instruments/gateway.ts'
import { furnish, type World, world } from './instruments/world.ts'

describe('a command in a cage', { skip: noBubblewrap() }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'claviger-holes-'))
  const [home, work, keeps] = [join(folder, 'home'), join(folder, 'work'), join(folder, 'keeps')]
  const [input, log, key] = [join(home, 'input'), join(home, 'log'), join(home, '.ssh', 'id_ed25519')]
  let around: World

  before(async () => {
    for (const one of [home, work, keeps, join(home, '.ssh')]) mkdirSync(one)
    writeFileSync(key, 'a private key\n')
    around = await world({ folder: keeps, env: { CLAVIGER_DEMO: 'off' } })
    const { origin } = around.upstream
    await furnish(around.gateway, { name: 's', origins: [origin], secret: 'sk-of-the-service-0123456789' })
  })
  after(async () => {
    await around[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true })
  })

  function environment(): NodeJS.ProcessEnv {
    const { home: ours, operatorToken, port } = around.gateway
    const claviger = { CLAVIGER_HOME: ours, CLAVIGER_OPERATOR_TOKEN: operatorToken, CLAVIGER_PORT: String(port) }
    return { PATH: process.env.PATH, HOME: home, LANG: 'C.UTF-8', ...claviger }
  }

  const commandLine = (script: string, options: readonly string[] = []) => [
    ...[process.execPath, join(repository, 'bin', 'claviger.js'), 'run', '--agent', 'agent-of-s', '--isolate'],
    ...[...options, '--', 'sh', '-c', script],
  ]

  interface Given {
    /** What a shell does with its descriptors before. */
    readonly with?: string
    readonly options?: readonly string[]
    readonly cwd?: string
    readonly env?: NodeJS.ProcessEnv
  }

  function caged(script: string, given: Given = {}) {
    const line = ['-c', `${given.with ?? ':'}; exec "$@"`, 'bash', ...commandLine(script, given.options)]
    const { status, stdout, stderr } = spawnSync('bash', line, {
      ...{ env: { ...environment(), ...given.env }, cwd: given.cwd ?? work, encoding: 'utf8', input: 'from a pipe\n' },
    })
    return { code: status, stdout, stderr }
  }

  for (const fd of [5, 14, 99])
    test(`gets nothing of what was open as ${fd} before`, () => {
      const script = `cat /proc/[0-9]*/fd/${fd}${key}; echo out > /proc/self/fd/${fd}${home}/made; echo end`
      const { code, stdout, stderr } = caged(script, { with: `exec ${fd}</` })
      assert.equal(code, 0, stderr)
      assert.doesNotMatch(stdout, /private key/)
      assert.match(stdout, /end\n$/)
      assert.ok(!existsSync(join(home, 'made')))
    })

  for (const [what, redirection] of [
    ['input', 'exec < /'],
    ['output', 'exec 2< /'],
  ] as const)
    test(`is not started with a folder as its ${what}`, () => {
      const { code } = caged('touch started', { with: redirection })
      assert.equal(code, 78)
      assert.ok(!existsSync(join(work, 'started')))
    })

  test('reads a file to its end and cannot write it', () => {
    const text = 'a line\n'.repeat(100_000)
    writeFileSync(input, text)
    const { code, stdout } = caged('cat | wc -c; echo spoiled > /proc/self/fd/0; exit 7', { with: `exec < ${input}` })
    assert.equal(code, 7)
    assert.equal(stdout.trim(), String(text.length))
    assert.equal(readFileSync(input, 'utf8'), text)
    assert.equal(caged('head -n 1', { with: `exec < ${input}` }).stdout, 'a line\n')
    assert.equal(caged('kill -9 $$', { with: `exec < ${input}` }).code, 137)
  })

  test('adds to a file, in order, and changes nothing of it', () => {
    writeFileSync(log, 'before\n')
    const script = `
      i=0; while [ $i -lt 50 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done
      echo opened > /dev/stdout; printf '' > /proc/self/fd/1; echo spoiled 1<> /proc/self/fd/1; seq 100000; exit 3
    `
    const { code } = caged(script, { with: `exec >> ${log} 2>&1` })
    assert.equal(code, 3)
    const lines = readFileSync(log, 'utf8').split('\n')
    const from = lines.indexOf('out 0')
    assert.equal(lines[0], 'before')
    assert.deepEqual(
      lines.slice(from, from + 100),
      [...Array(50).keys()].flatMap((i) => [`out ${i}`, `err ${i}`]),
    )
    assert.deepEqual(lines.slice(-100_003, -100_000), ['opened', 'spoiled', '1'])
    assert.equal(lines.at(-2), '100000')
  })

  test('has pipes as they are: both ways, to their ends', () => {
    const quoted = (script: string) =>
      commandLine(script)
        .map((one) => `'${one}'`)
        .join(' ')
    const shell = (line: string) => spawnSync('bash', ['-c', line], { env: environment(), cwd: work, encoding: 'utf8' })
    const whole = shell(`seq 100000 | ${quoted('cat; echo ended >&2')} | tail -n 1`)
    assert.equal(whole.stdout, '100000\n')
    assert.match(whole.stderr, /ended\n$/)
    const cut = shell(`set -o pipefail; ${quoted('yes')} | head -n 1`)
    assert.equal(cut.stdout, 'y\n')
    assert.notEqual(cut.status, 0)
  })

  test('ends though its input does not, and speaks while it comes', async () => {
    const [file = '', ...args] = commandLine('read line; echo "got $line"; exit 4')
    const child = spawn(file, args, { env: environment(), cwd: work, stdio: ['pipe', 'pipe', 'ignore'] })
    child.stdin.write('one\n')
    const [text] = (await once(child.stdout, 'data')) as [Buffer]
    assert.equal(String(text), 'got one\n')
    const [code] = (await once(child, 'close')) as [number]
    assert.equal(code, 4)
  })

  test('gets no socket of the network outside, though it was started with one', async () => {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const accepted = once(server, 'connection') as Promise<[Socket]>
    const client = connect((server.address() as { port: number }).port, '127.0.0.1')
    // What comes is the command's to read.
    client.pause()
    const [other] = await accepted
    const [file = '', ...args] = commandLine('ls -l /proc/self/fd/0 /proc/self/fd/1; read line; echo "got $line"')
    const child = spawn(file, args, { env: environment(), cwd: work, stdio: [client, client, 'ignore'] })
    let said = ''
    other.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    other.write('over TCP\n')
    const [code] = (await once(child, 'close')) as [number]
    client.destroy()
    await once(other, 'close')
    server.close()
    assert.equal(code, 0)
    assert.doesNotMatch(said, /socket:/)
    assert.match(said, /got over TCP\n$/)
  })

  test('reads nothing of the machine in the arguments of its processes', () => {
    const { stdout } = caged('cat /proc/[0-9]*/cmdline | tr "\\0" "\\n"')
    assert.match(stdout, /inside\.ts/)
    assert.ok(!stdout.includes(keeps), stdout)
    assert.doesNotMatch(stdout, /--ro-bind|tok_/)
  })

  test('makes no user namespaces, and threads and processes as ever', () => {
    const thread = `new (require('node:worker_threads').Worker)('', { eval: true }).on('exit', () => console.log('thread'))`
    const calls = `print syscall($_, 0x10000011, 0, 0, 0, 0), " ", $! + 0, "\\n" for (56, 435)`
    const { stdout, stderr } = caged(
      `unshare -U true; echo "unshare $?"; perl -e '${calls}'; ${process.execPath} -e "${thread}"`,
    )
    assert.match(stdout, /unshare 1\n/, stderr)
    if (process.arch === 'x64') assert.match(stdout, /-1 1\n-1 38\n/)
    assert.match(stdout, /thread\n/)
  })

  describe('is not started where it could write to', () => {
    const link = join(work, 'link')
    for (const [what, given] of [
      ['what holds the gateway’s home', () => ({ cwd: keeps })],
      ['what holds it, named besides', () => ({ options: ['--write', folder] })],
      ['what holds it, by a link', () => ({ options: ['--write', join(work, 'to-keeps')] })],
      ['a link that leads to it', () => ({ env: { CLAVIGER_HOME: link } })],
      ['a link on the way to it', () => ({ env: { CLAVIGER_HOME: join(work, 'to-keeps', 'home') } })],
      ['a file with a token', () => ({ env: { CLAVIGER_TOKEN_FILE: join(work, 'data', 'token') } })],
      ['an agent’s key', () => ({ env: { CLAVIGER_AGENT_KEY_FILE: join(work, 'data', 'token') } })],
      ['the audit’s witness', () => ({ env: { CLAVIGER_WITNESS_FILE: join(work, 'data', 'witness') } })],
      ['a key file', () => ({ env: { CLAVIGER_KEY_FILE: join(work, 'data', 'key') } })],
      ['what holds a folder of keys', () => ({ options: ['--write', join(home, '.config')] })],
    ] as [string, () => Given][])
      test(what, () => {
        mkdirSync(join(work, 'data'), { recursive: true })
        mkdirSync(join(home, '.config', 'containers'), { recursive: true })
        for (const file of [join(work, 'data', 'token'), join(home, '.config', 'containers', 'auth.json')])
          writeFileSync(file, 'x', { mode: 0o600 })
        rmSync(link, { force: true })
        symlinkSync(around.gateway.home, link)
        rmSync(join(work, 'to-keeps'), { force: true })
        symlinkSync(keeps, join(work, 'to-keeps'))
        const { code, stderr } = caged('touch started', given())
        assert.match(stderr, /isolation_folder_refused/)
        assert.equal(code, 78)
        assert.ok(!existsSync(join(work, 'started')) && !existsSync(join(keeps, 'started')))
      })
  })
})
