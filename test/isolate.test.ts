// `claviger run --isolate`: namespaces from which the gateway is the only way out.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { noBubblewrap } from './instruments/bubblewrap.ts'
import { Authority, noOpenssl } from './instruments/certificates.ts'
import { repository } from './instruments/gateway.ts'
import { noOwnAddress, ownAddress } from './instruments/own-address.ts'
import { tlsUpstream } from './instruments/tls-upstream.ts'
import { until } from './instruments/wait.ts'
import { furnish, type World, world } from './instruments/world.ts'

interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

describe('claviger run --isolate', { skip: noBubblewrap() ?? noOpenssl() ?? noOwnAddress }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'claviger-isolate-'))
  const [home, work, elsewhere] = [join(folder, 'home'), join(folder, 'work'), join(folder, 'elsewhere')]
  const secret = 'sk-of-the-service-0123456789'
  let authority: Authority
  let around: World
  let upstream: Awaited<ReturnType<typeof tlsUpstream>>
  let url = ''

  before(async () => {
    for (const one of [home, work, elsewhere, join(home, '.ssh'), join(home, '.aws')]) mkdirSync(one)
    writeFileSync(join(home, '.ssh', 'id_ed25519'), 'a private key')
    writeFileSync(join(home, '.aws', 'credentials'), 'a secret key')
    writeFileSync(join(elsewhere, 'note'), 'a note\n')
    authority = new Authority()
    upstream = await tlsUpstream(authority.issue({ names: `IP:${ownAddress}` }))
    around = await world({ env: { CLAVIGER_DEMO: 'off' } })
    url = `https://${ownAddress}:${upstream.port}`
    const service = { addresses: [`${ownAddress}/32`], trust: authority.pem }
    await furnish(around.gateway, { name: 'secured', origins: [url], secret, service })
  })
  after(async () => {
    await around[Symbol.asyncDispose]()
    await upstream.close()
    authority[Symbol.dispose]()
    rmSync(folder, { recursive: true })
  })
  beforeEach(() => void upstream.sent.splice(0))

  const commandLine = (command: readonly string[], options: readonly string[] = []) =>
    [
      ...[join(repository, 'bin', 'claviger.js'), 'run', '--agent', 'agent-of-secured', '--isolate'],
      ...[...options, '--', ...command],
    ] as const

  function environment(): NodeJS.ProcessEnv {
    const { home: ours, operatorToken, port } = around.gateway
    const claviger = {
      CLAVIGER_HOME: ours,
      CLAVIGER_OPERATOR_TOKEN: operatorToken,
      CLAVIGER_PORT: String(port),
    }
    const { PATH } = process.env
    return { PATH, HOME: home, LANG: 'C.UTF-8', OPENAI_API_KEY: 'sk-real-0123456789abcdef', ...claviger }
  }

  function begin(command: readonly string[], options: readonly string[] = [], cwd = work, env: NodeJS.ProcessEnv = {}) {
    return spawn(process.execPath, commandLine(command, options), {
      env: { ...environment(), ...env },
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  async function output(child: ChildProcess): Promise<Ran> {
    const [out, err]: [string[], string[]] = [[], []]
    child.stdout?.setEncoding('utf8').on('data', (text: string) => out.push(text))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => err.push(text))
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, stdout: out.join(''), stderr: err.join('') }
  }

  const runs = (...given: Parameters<typeof begin>) => output(begin(...given))
  const shell = (script: string, options?: readonly string[]) => runs(['sh', '-c', script], options)

  async function listening(server: Server, at: string | number): Promise<void> {
    server.listen(...((typeof at === 'string' ? [at] : [at, '127.0.0.1']) as [number, string]))
    await once(server, 'listening')
  }

  test('reaches the service through the gateway, by the proxy and by a base URL', async () => {
    const { port } = around.gateway
    const base = `http://127.0.0.1:${port}/to/secured/v1/base`
    const script = `curl -sS ${url}/v1/who; curl -sS -u "claviger:$(echo $HTTPS_PROXY | sed 's/.*claviger:\\(.*\\)@.*/\\1/')" ${base}`
    const { code, stdout, stderr } = await shell(script)
    assert.equal(code, 0, stderr)
    assert.match(stdout, /"\/v1\/who"/)
    const seen = upstream.sent.map(({ url: path, headers }) => [path, headers.authorization])
    assert.deepEqual(seen, [
      ['/v1/who', `Bearer ${secret}`],
      ['/v1/base', `Bearer ${secret}`],
    ])
  })

  test('leaves no other way out', async () => {
    const server = createServer((socket) => socket.end('out'))
    await listening(server, 0)
    const { port } = server.address() as { port: number }
    const socket = join(work, 'somebody.sock')
    const onDisk = createServer((one) => one.end('out'))
    await listening(onDisk, socket)
    const script = `
      const net = require('node:net'), tries = [
        { host: '127.0.0.1', port: ${port} }, { host: '${ownAddress}', port: ${upstream.port} },
        { host: '1.1.1.1', port: 443 }, { host: '169.254.169.254', port: 80 }, { host: '2606:4700:4700::1111', port: 443 },
        { path: '${socket}' }, { path: '${around.gateway.socketPath}' }, { path: '${join(around.gateway.home, 'sockets')}' },
      ]
      for (const one of tries) net.connect(one).on('connect', () => console.log('OUT', one)).on('error', (e) => console.log(e.code))
    `
    const { code, stdout, stderr } = await runs([process.execPath, '-e', script])
    server.close()
    onDisk.close()
    assert.equal(code, 0, stderr)
    assert.equal(stdout.trim().split('\n').length, 8, stdout)
    assert.doesNotMatch(stdout, /OUT/)
  })

  test('has every way out closed that the doctor knows, and without it they are open', async () => {
    const server = createServer((socket) => socket.on('error', () => {}).end('out'))
    server.listen(0, '0.0.0.0')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const doctor = [process.execPath, join(repository, 'bin', 'claviger.js'), 'doctor', '--inside', '--json']
    const asked = [...doctor, '--try', `tcp:${ownAddress}:${port}`, '--try', `unix:${around.gateway.socketPath}`]
    const isolated = await runs(asked)
    const plain = await output(
      spawn(process.execPath, [...commandLine(asked).filter((word) => word !== '--isolate')], {
        ...{ env: environment(), cwd: work, stdio: ['ignore', 'pipe', 'pipe'] },
      }),
    )
    server.close()
    const open = ({ stdout }: Ran) =>
      (JSON.parse(stdout) as { items: { way: string; state: string }[] }).items
        .filter(({ state }) => state === 'OPEN')
        .map(({ way }) => way)
    assert.deepEqual(open(isolated), [], isolated.stderr)
    assert.equal(isolated.code, 0)
    for (const way of ['TCP', 'sockets', 'loopback', 'operators', 'vault']) assert.ok(open(plain).includes(way), way)
    assert.equal(plain.code, 1)
  })

  test('shows the folder of the work, and nothing of a person or of the gateway', async () => {
    writeFileSync(join(work, 'given'), 'given\n')
    symlinkSync(join(home, '.ssh'), join(work, 'keys'))
    const { home: ours, keyFile } = around.gateway
    const script = `cat given; echo made > made; for f in ${home}/.ssh/id_ed25519 keys/id_ed25519 ${home}/.aws/credentials ${ours}/env ${ours} ${keyFile} ${elsewhere}/note /etc/shadow /root/.bashrc; do ls -d $f > /dev/null 2>&1 && cat $f; done; echo > /usr/made; echo > ${repository}/made; ls -A ${home} /tmp`
    const { stdout } = await shell(script)
    assert.match(stdout, /^given\n/)
    assert.doesNotMatch(stdout, /private key|secret key|a note|root:|CLAVIGER/)
    assert.equal(readFileSync(join(work, 'made'), 'utf8'), 'made\n')
    assert.ok(!existsSync('/usr/made') && !existsSync(join(repository, 'made')))
  })

  test('shows what is named besides, to read or to write, but for what holds keys', async () => {
    const noted = await shell(`cat ${elsewhere}/note; echo new > ${elsewhere}/new`, ['--read', elsewhere])
    assert.equal(noted.stdout, 'a note\n')
    assert.ok(!existsSync(join(elsewhere, 'new')))
    await shell(`echo new > ${elsewhere}/new`, ['--write', elsewhere])
    assert.ok(existsSync(join(elsewhere, 'new')))
    const all = await shell(`ls ${home}/.ssh; cat ${home}/.aws/credentials; ls ${around.gateway.home}`, [
      ...['--read', home, '--read', around.gateway.folder],
    ])
    assert.equal(all.stdout, '')
  })

  for (const [what, cwd, options] of [
    ['the home', home, []],
    ['what holds the home', folder, []],
    ['the home to write in', work, ['--write', home]],
    ['processes', work, ['--read', '/proc']],
    ['sockets', work, ['--write', '/run']],
  ] as const)
    test(`refuses ${what}`, async () => {
      const { code, stderr } = await runs(['true'], options, cwd)
      assert.equal(code, 78)
      assert.match(stderr, /isolation_folder_refused/)
    })

  test('hides other processes, and the environment of whoever started it', async () => {
    const { stdout } = await shell(
      'ps -e -o comm= | sort -u; env; cat /proc/1/environ 2>/dev/null | tr "\\0" "\\n"; id -u',
    )
    assert.doesNotMatch(stdout, /CLAVIGER_HOME|CLAVIGER_OPERATOR_TOKEN|OPENAI_API_KEY|systemd/)
    assert.match(stdout, new RegExp(`^${process.getuid?.()}$`, 'm'))
  })

  test('gives no rights, old or new', async () => {
    const { stdout } = await shell('grep -E "CapEff|CapBnd|NoNewPrivs|Seccomp:" /proc/self/status')
    assert.match(stdout, /CapEff:\t0+\n/)
    assert.match(stdout, /CapBnd:\t0+\n/)
    assert.match(stdout, /NoNewPrivs:\t1\nSeccomp:\t2\n/)
  })

  test('refuses sockets to a host of virtual machines, and keyrings', { skip: process.arch !== 'x64' }, async () => {
    const script =
      'for (40, 1) { print socket(my $s, $_, 1, 0) ? "open " : $! + 0, " " } print syscall(250, 0, -3, 0), " ", $! + 0'
    const { stdout, stderr } = await runs(['perl', '-e', script])
    assert.match(stdout, /^97 open +-1 1$/, stderr)
  })

  test('has the exit code of the command, and says what cannot be started', async () => {
    assert.equal((await shell('exit 7')).code, 7)
    assert.equal((await shell('kill -9 $$')).code, 137)
    const { code, stderr } = await runs(['no-such-command'])
    assert.equal(code, 1)
    assert.match(stderr, /command_not_started[\s\S]*ENOENT/)
  })

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    test(`passes ${signal} on to the command`, async () => {
      const script = `process.on('${signal}', () => process.exit(9)); console.log('up'); setInterval(() => {}, 1000)`
      const child = begin([process.execPath, '-e', script])
      child.stdout.once('data', () => child.kill(signal))
      assert.equal((await output(child)).code, 9)
    })

  test('ends with whoever started it, and nobody else has its token', async () => {
    const child = begin(['sh', '-c', 'echo "$HTTPS_PROXY"; echo $$ > pid; sleep 600'])
    const [first] = (await once(child.stdout, 'data')) as [Buffer]
    const token = new URL(String(first).trim()).password
    const running = () => spawnSync('ps', ['-e', '-o', 'args='], { encoding: 'utf8' }).stdout.includes('sleep 600')
    await until(() => running())
    const headers = { host: `127.0.0.1:${around.gateway.port}`, authorization: `Bearer ${token}` }
    const stolen = await around.gateway.agent('GET', '/to/secured/v1/who', { headers })
    assert.deepEqual([stolen.status, stolen.code], [403, 'token_elsewhere'])
    child.kill('SIGKILL')
    await until(() => !running())
    assert.ok(!spawnSync('ps', ['-e', '-o', 'args='], { encoding: 'utf8' }).stdout.includes(token), 'in no arguments')
  })

  test('goes on when the gateway is started again', async () => {
    const script = `i=0; while [ $i -lt 600 ]; do curl -sS -o /dev/null ${url}/v1/again && echo ok; i=$((i+1)); sleep 0.1; done`
    const child = begin(['sh', '-c', script])
    const done = output(child)
    await until(() => upstream.sent.length > 0)
    await around.gateway.restart()
    upstream.sent.splice(0)
    await until(() => upstream.sent.length > 0)
    child.kill('SIGTERM')
    await done
  })

  test('has the terminal of whoever started it, and cannot type into it', async () => {
    const inside = `tty; perl -e 'print ioctl(STDIN, 0x5412, my $key = "x") ? "typed" : "errno " . ($! + 0), "\\n"'; trap 'echo caught; exit 9' INT; echo up; read line; echo "read $line"; sleep 600 & wait`
    writeFileSync(join(work, 'inside.sh'), inside)
    const line = [process.execPath, ...commandLine(['sh', 'inside.sh'])].map((one) => `'${one}'`).join(' ')
    // Not the shell's child: a shell that hears the same signal ends by it.
    const child = spawn('script', ['-qec', `exec ${line}`, '/dev/null'], { env: environment(), cwd: work })
    let shown = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text
      if (/up\r\n$/.test(shown)) child.stdin.write('a line\n')
      if (/read a line\r\n$/.test(shown)) child.stdin.write('\x03')
    })
    const [code] = (await once(child, 'close')) as [number]
    assert.equal(code, 9, shown)
    assert.match(shown, /\/dev\/pts\/|\/dev\/console/)
    assert.match(shown, /errno 1\b/)
    assert.match(shown, /caught/)
  })

  test('is not run at all where it cannot be isolated', async () => {
    const nobody = mkdtempSync(join(folder, 'path-'))
    const { PATH: _, ...env } = environment()
    const ran = spawnSync(process.execPath, commandLine(['touch', 'ran']), {
      env: { ...env, PATH: nobody },
      cwd: work,
      encoding: 'utf8',
    })
    assert.equal(ran.status, 78)
    assert.match(ran.stderr, /isolation_not_installed/)
    const forbidding = 'echo 0 > /proc/sys/user/max_user_namespaces || exit 99; exec "$@"'
    const forbidden = spawnSync(
      'unshare',
      ['-r', 'sh', '-c', forbidding, 'sh', process.execPath, ...commandLine(['touch', 'ran'])],
      { env: environment(), cwd: work, encoding: 'utf8' },
    )
    assert.equal(forbidden.status, 78, forbidden.stderr)
    assert.match(forbidden.stderr, /isolation_refused/)
    assert.ok(!existsSync(join(work, 'ran')))
  })
})
