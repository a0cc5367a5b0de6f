import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { claviger, type Ended, type Started } from '../src/cli/testing/cli-process.ts'
import { inProcess } from '../src/cli/testing/in-process.ts'
import { Gateway } from './instruments/gateway.ts'
import { RecordingUpstream } from './instruments/recording-upstream.ts'

const folder = mkdtempSync(join(tmpdir(), 'claviger-cli-'))
after(() => rmSync(folder, { recursive: true }))

const canary = 'sk-canary-from-the-shell-51c7'
const passphrase = 'seventeen brass kettles whistle'

/** A shell beside a gateway: its home, its operator token, and everything it ever printed. */
class Shell {
  readonly gateway: Gateway
  readonly #printed: string[] = []
  token: string | undefined
  operatorToken: string

  constructor(gateway: Gateway) {
    this.gateway = gateway
    this.operatorToken = gateway.operatorToken
  }

  /** Runs a command line and expects this exit code. */
  async run(line: string, { env = {}, stdin, code = 0 }: Started & { code?: number } = {}): Promise<Ended> {
    const args = words(line)
    // Only what would take this process over needs one of its own.
    const start = args[0] === 'up' || args[0] === 'operator' ? claviger : inProcess
    const ended = await start(args, {
      env: {
        CLAVIGER_HOME: this.gateway.home,
        CLAVIGER_PORT: String(this.gateway.port),
        CLAVIGER_OPERATOR_TOKEN: this.operatorToken,
        ...(this.token !== undefined && { CLAVIGER_TOKEN: this.token }),
        ...env,
      },
      ...(stdin !== undefined && { stdin }),
    })
    this.#printed.push(ended.stdout, ended.stderr)
    assert.equal(ended.code, code, `claviger ${line}\n${ended.stdout}${ended.stderr}`)
    return ended
  }

  async json(line: string, started: Started & { code?: number } = {}) {
    return JSON.parse((await this.run(`${line} --json`, started)).stdout)
  }

  printed(): string {
    return this.#printed.join('\n')
  }
}

/** Words of a command line; '…' keeps spaces. */
function words(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')
}

describe('the command line beside a gateway', () => {
  let gateway: Gateway
  let upstream: RecordingUpstream
  let shell: Shell
  before(async () => {
    upstream = await RecordingUpstream.start()
    gateway = await Gateway.start({ env: { CLAVIGER_WITNESS_FILE: join(folder, 'witness') } })
    shell = new Shell(gateway)
  })
  after(async () => {
    await gateway[Symbol.asyncDispose]()
    await upstream.close()
  })

  test('does the main job: describe, store, add, grant, issue, call', async () => {
    await shell.run(`service add tickets --origin ${upstream.origin} --address 127.0.0.1 --inject header:X-Api-Key`)
    await shell.run('store tickets-main --service tickets --meta team=red --ttl 30d --secret-stdin', {
      stdin: `${canary}\n`,
    })
    await shell.run('agent add coder')
    await shell.run('grant coder tickets --scope tickets:read --rpm 1000 --ttl 1h')
    const issued = await shell.run('token issue coder --ttl 12h --label shell')
    assert.match(issued.stdout, /^clv_ak_\w+\n$/)
    shell.token = issued.stdout.trim()
    const { stdout } = await shell.run('call tickets GET /ok/1 --query a=b')
    assert.ok(stdout.length > 0)
    const receipt = upstream.receipts.at(-1)
    assert.deepEqual([receipt?.method, receipt?.url, receipt?.headers.get('x-api-key')], ['GET', '/ok/1?a=b', [canary]])
  })

  test('says why a call is refused, and explains it before', async () => {
    const refused = await shell.run('call tickets DELETE /ok/1', { code: 1 })
    assert.equal(refused.stdout, '')
    assert.match(refused.stderr, /^claviger: .* \[scope_not_granted\]\n/)
    const said = await shell.json('explain tickets DELETE /ok/1', { code: 1 })
    assert.equal(said.outcome, 'deny')
    assert.equal((await shell.json('explain coder tickets GET /ok/1')).outcome, 'allow')
    await shell.run('explain coder tickets GET /ok/1')
  })

  test('names the action that a call is, to operators also where nothing was given', async () => {
    await shell.run('service add github')
    const merge = await shell.json('explain coder github PUT /repos/o/r/pulls/1/merge', { code: 1 })
    assert.deepEqual([merge.outcome, merge.action, merge.risk], ['deny', 'pulls.merge', 'high'])
    assert.deepEqual(merge.requiredScopes, ['github:prs:write'])
    const near = await shell.json('explain coder github GET /user/emails/', { code: 1 })
    assert.deepEqual([near.action, near.among], [undefined, ['user.emails']])
    const own = await shell.json('explain github PUT /repos/o/r/pulls/1/merge', { code: 1 })
    assert.deepEqual([own.outcome, own.action, own.risk, own.requiredScopes], ['deny', undefined, undefined, []])
  })

  test('names what is wrong with a command line, and the fact that the gateway adds', async () => {
    const noToken = { env: { CLAVIGER_TOKEN: '' } }
    const cases: readonly [line: string, code: number, says: RegExp, Started?][] = [
      ['call tickets GET ok', 1, /\[target_ambiguous\](.|\n)*rule: form\n/],
      ['call tickets DELETE /ok/1', 1, /requiredScopes: tickets:delete\n/],
      ['call tickets GET /ok/1', 77, /\[agent_token_missing\]/, noToken],
      ['explain coder tickets GET', 64, /Which agent\?/, noToken],
      ['store x --secret-stdin', 64, /required option '--service <name>' not specified/],
      ['store x --servce y --secret-stdin', 64, /unknown option '--servce'\n.*Did you mean --service\?/],
      ['grant coder tickets --scpe tickets:read', 64, /unknown option '--scpe'/],
      ['run --agent coder curl -H x', 64, /unknown option \(it is not repeated here\)\n.*Write -- before the command/],
      ['agent invite --ttl 30s', 64, /--ttl: .* from 1m to 24h\./],
      ['agent invite --ttl 2d', 64, /--ttl: .* from 1m to 24h\./],
      ['token issue coder --ttl 91d', 64, /--ttl: .* from 1s to 90d\./],
      ['webhook rotate whk_x --overlap 8d', 64, /--overlap: .* from 1s to 7d\./],
      ['agent key rotate --key x.pem --agent coder --overlap 31d', 64, /--overlap: .* from 1s to 30d\./],
      ['grant coder tickets --scope tickets:read --ttl 11y', 64, /--ttl: .* from 1s to 10y\./],
      ['service add x --file /no/such/file', 64, /\[file_unreadable\]/],
      ['audit tail --type nope', 1, /a record type is wanted: intent,/],
      ['audit follow --state /no/such/folder/state', 64, /\[file_unwritable\]/],
      ['audit prove --checkpoint --out /no/such/folder/note', 64, /\[file_unwritable\]/],
    ]
    for (const [line, code, says, started] of cases)
      assert.match((await shell.run(line, { ...started, code })).stderr, says, line)
  })

  test('lists everything, as a table and as the JSON of the API, and never a secret', async () => {
    for (const line of [
      'service list',
      'credential list',
      'agent list',
      'token list',
      'token list coder',
      'grants',
      'grants --agent coder',
    ]) {
      const { items } = await shell.json(line)
      assert.ok(items.length > 0, line)
      const { stdout } = await shell.run(line)
      assert.equal(stdout.trimEnd().split('\n').length, items.length + 1, stdout)
    }
    assert.match((await shell.run('service show tickets')).stdout, /tickets/)
    assert.equal((await shell.json('status')).vault.state, 'unsealed')
    assert.match((await shell.run('status')).stdout, /unsealed/)
    assert.match((await shell.run('config --running')).stdout, /CLAVIGER_WITNESS_FILE/)
    const doctor = await shell.json('doctor', { env: { CLAVIGER_WITNESS_FILE: join(folder, 'witness') } })
    assert.deepEqual(
      doctor.items.filter((item: { state: string }) => item.state === 'bad'),
      [],
    )
  })

  test('says that a credential has no place in the calls of its service', async () => {
    const origin = `--origin ${upstream.origin} --address 127.0.0.1`
    for (const [name, how] of [
      ['bare', ''],
      ['full', ' --inject bearer'],
    ]) {
      await shell.run(`service add ${name} ${origin}${how}`)
      const { stderr } = await shell.run(`store ${name}-key --service ${name} --secret-stdin`, { stdin: canary })
      assert.equal(/no call will carry it \(--inject\)/.test(stderr), name === 'bare', stderr)
    }
  })

  test('calls things by their names, and says what goes with what is removed', async () => {
    await shell.run(`service add spare --origin ${upstream.origin} --address 127.0.0.1 --inject bearer`)
    for (const handle of ['spare-1', 'spare-2']) {
      const { stdout } = await shell.run(`store ${handle} --service spare --secret-stdin`, { stdin: canary })
      assert.match(stdout, /^service +spare$/m)
    }
    await shell.run('grant coder spare --scope spare:read --credential spare-1')
    const tail = await shell.run('audit tail --type intent')
    assert.match(tail.stdout, / coder +GET tickets \/ok\/1 allow/)
    assert.ok(!/agent_/.test(tail.stdout))
    const { items } = await shell.json('audit tail --type intent')
    assert.match(items[0].actor.id, /^agent_/)
    const { stdout } = await shell.run('service remove spare')
    assert.equal(stdout, 'removed spare, and with it 1 grant and 2 credentials\n')
    await shell.run(`service add spare --origin ${upstream.origin} --address 127.0.0.1 --inject bearer`)
    assert.equal((await shell.run('service remove spare')).stdout, 'removed spare; nothing hung on it\n')
  })

  test('shows, proves and verifies the record', async () => {
    const { items } = await shell.json('audit tail --type intent')
    const [{ seq, rid }] = items
    assert.equal((await shell.json(`audit show ${seq}`)).seq, seq)
    await shell.run('audit tail -n 5')
    for (const which of [`--seq ${seq}`, `--rid ${rid}`])
      assert.match((await shell.run(`audit prove ${which}`)).stdout, /^c2sp\.org\/tlog-proof@v1\n/)
    assert.match((await shell.run('audit hash --secret-stdin', { stdin: 'value' })).stdout, /^hmac-sha256:\d+:/)
    await shell.run('audit reindex')
    const [proof, note, vkey] = ['proof', 'note', 'log.vkey'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ]
    copyFileSync(join(gateway.home, 'audit/n1/log.vkey'), vkey)
    await shell.run(`audit prove --seq ${seq} --out ${proof}`)
    assert.match((await shell.run(`audit verify --proof ${proof} --key ${vkey}`)).stdout, new RegExp(`"rid":"${rid}"`))
    writeFileSync(proof, readFileSync(proof, 'utf8').replace(/^index \d+/m, 'index 0'))
    await shell.run(`audit verify --proof ${proof} --key ${vkey}`, { code: 1 })
    await shell.run(`audit prove --checkpoint --out ${note}`)
    assert.equal((await shell.json(`audit verify --checkpoint ${note} --key ${vkey}`)).notes[0].consistent, true)
    await shell.run(`audit verify --checkpoint ${join(folder, 'none')}`, { code: 2 })
    await shell.run('audit verify', { env: { CLAVIGER_HOME: join(folder, 'nowhere') }, code: 2 })
    const unsealed = await shell.json(`audit verify --unsealed --full --checkpoint ${note}`)
    assert.deepEqual([unsealed.exit, unsealed.notes[0].consistent, unsealed.keySource], [0, true, 'vault'])
    assert.ok(unsealed.macs.checked > 0)
    assert.match((await shell.run('audit verify --unsealed')).stdout, /the log is good/)
    for (const other of ['--dir .', '--node n1', `--proof ${proof}`])
      await shell.run(`audit verify --unsealed ${other}`, { code: 64 })
    for (const line of ['audit fsck', `audit follow --state ${join(folder, 'state')}`]) await shell.run(line)
  })

  test('gives a token to a new file that only we read', async () => {
    const file = join(folder, 'coder.token')
    // A refusal leaves no file that would be in the way of the next attempt.
    await shell.run(`token issue codr --out ${file}`, { code: 1 })
    const { stdout, stderr } = await shell.run(`token issue coder --out ${file}`)
    assert.equal(stdout, `${file}\n`)
    assert.equal(statSync(file).mode & 0o777, 0o600)
    const token = readFileSync(file, 'utf8').trim()
    assert.ok(!stderr.includes(token))
    await shell.run('call tickets GET /ok/2', { env: { CLAVIGER_TOKEN: '', CLAVIGER_TOKEN_FILE: file } })
    await shell.run(`token issue coder --out ${file}`, { code: 64 })
  })

  test('rotates a credential, revokes a token and a grant, locks an agent', async () => {
    await shell.run('credential rotate tickets-main --secret-env NEXT', { env: { NEXT: `${canary}-2` } })
    await shell.run('call tickets GET /ok/3')
    assert.deepEqual(upstream.receipts.at(-1)?.headers.get('x-api-key'), [`${canary}-2`])
    await shell.run('credential rotate --kek')
    await shell.run('agent lock coder')
    await shell.run('call tickets GET /ok/4', { code: 1 })
    await shell.run('agent unlock coder')
    await shell.run('call tickets GET /ok/5')
    const { id } = await shell.json('token issue coder --label short')
    await shell.run(`token revoke ${id}`)
    const { items } = await shell.json('grants --agent coder')
    await shell.run(`revoke ${items[0].id}`)
    await shell.run('call tickets GET /ok/6', { code: 1 })
    assert.ok(!upstream.receipts.some(({ url }) => url === '/ok/4' || url === '/ok/6'))
  })

  test('without the operator token nothing is listed, made or stopped', async () => {
    for (const token of ['', 'clv_op_wrong', shell.token ?? '']) {
      for (const line of [
        'agent list',
        'agent add evil',
        'emergency-revoke',
        'seal',
        'audit tail',
        'operator token rotate',
        'config --running',
      ]) {
        const { stdout } = await shell.run(line, { env: { CLAVIGER_OPERATOR_TOKEN: token }, code: 77 })
        assert.equal(stdout, '', line)
      }
    }
    const { items } = await shell.json('agent list')
    assert.ok(!items.some((item: { name: string }) => item.name === 'evil'))
  })

  test('takes the operator token from a file, and rotates it', async () => {
    const old = shell.operatorToken
    const file = join(folder, 'operator.token')
    writeFileSync(file, `${old}\n`, { mode: 0o600 })
    const fromFile = { env: { CLAVIGER_OPERATOR_TOKEN: '', CLAVIGER_OPERATOR_TOKEN_FILE: file } }
    const { stdout } = await shell.run('operator token rotate', fromFile)
    shell.operatorToken = stdout.trim()
    assert.match(shell.operatorToken, /^clv_op_\w+$/)
    await shell.run('status', { env: { CLAVIGER_OPERATOR_TOKEN: old }, code: 77 })
    await shell.run('status')
  })

  test('refuses a second gateway, and a reset, on a home that is in use', async () => {
    const port = { env: { CLAVIGER_PORT: '0' } }
    assert.match((await shell.run('up', { ...port, code: 78 })).stderr, /\[home_in_use\]/)
    assert.match((await shell.run('operator token reset', { ...port, code: 78 })).stderr, /\[home_in_use\]/)
  })

  test('stops every agent at once', async () => {
    await shell.run('grant coder tickets --scope tickets:read')
    await shell.run('call tickets GET /ok/7')
    await shell.run('emergency-revoke')
    await shell.run('call tickets GET /ok/8', { code: 77 })
    assert.ok(!upstream.receipts.some(({ url }) => url === '/ok/8'))
  })

  test('seals, and unseals with the passphrase alone once the key file is out', async () => {
    await shell.run('seal')
    await shell.run('unseal --key-file')
    await shell.run('passphrase set --only --secret-stdin', { stdin: passphrase })
    await shell.run('seal')
    assert.deepEqual(await shell.json('status').then(({ state, reason }) => [state, reason]), ['sealed', 'operator'])
    assert.match((await shell.run('doctor')).stdout, /sealed \(operator\)/)
    assert.equal((await shell.json('audit verify --unsealed', { code: 2 })).exit, 2)
    await shell.run('agent list', { code: 1 })
    await shell.run('unseal --secret-stdin', { stdin: 'not the passphrase at all', code: 77 })
    // One attempt a second: a refused one makes the next wait.
    await setTimeout(1_100)
    await shell.run('unseal --secret-stdin', { stdin: passphrase })
    assert.equal((await shell.json('status')).vault.state, 'unsealed')
    assert.deepEqual(
      (await shell.json('passphrase slots')).items.map(({ type }: { type: string }) => type),
      ['passphrase'],
    )
  })

  test('never printed a secret', () => {
    for (const secret of [canary, passphrase]) assert.ok(!shell.printed().includes(secret))
  })

  test('with the gateway stopped checks the log, and does nothing else', async () => {
    await gateway.stop()
    assert.match((await shell.run('status', { code: 69 })).stderr, /\[gateway_not_running\]/)
    await shell.run('audit verify')
    await shell.run('audit fsck')
    await shell.run('doctor')
  })

  test('makes a new operator token by the passphrase, though a key file without a slot still lies there', async () => {
    await shell.run('operator token reset', { code: 64 })
    const { stdout } = await shell.run('operator token reset --secret-stdin', { stdin: passphrase })
    assert.match(stdout, /^clv_op_\w+\n$/)
    shell.operatorToken = stdout.trim()
  })

  test('keeps a house with an edited log sealed, whatever is accepted', async () => {
    const segment = join(gateway.home, 'audit/n1/seg/000000000000.ndjson')
    writeFileSync(segment, readFileSync(segment, 'utf8').replace('"what":"agent.added"', '"what":"agent.adddd"'))
    rmSync(gateway.keyFile)
    await gateway.restart()
    assert.deepEqual([gateway.ready.state, gateway.ready.reason], ['sealed', 'boot'])
    const seen = await shell.run('unseal --secret-stdin', { stdin: passphrase, code: 1 })
    assert.match(seen.stderr, /claviger audit verify/)
    await shell.run('unseal --accept --secret-stdin', { stdin: passphrase, code: 75 })
    assert.deepEqual(await shell.json('status').then(({ state, reason }) => [state, reason]), ['sealed', 'integrity'])
    assert.match((await shell.run('doctor', { code: 78 })).stdout, /BAD .*sealed \(integrity\)/)
  })
})

describe('the command line without a gateway', () => {
  test('makes a home, and a new operator token by the key file', async () => {
    const home = join(folder, 'home')
    const env = { CLAVIGER_HOME: home, CLAVIGER_PORT: '0' }
    const made = JSON.parse((await claviger(['init', '--json'], { env })).stdout)
    assert.match(made.operatorToken, /^clv_op_/)
    const again = JSON.parse((await claviger(['init', '--json'], { env })).stdout)
    assert.deepEqual(again, { home })
    const reset = await claviger(['operator', 'token', 'reset'], { env })
    assert.match(reset.stdout, /^clv_op_\w+\n$/)
    const gateway = await Gateway.start({ folder, operatorToken: reset.stdout.trim() })
    await gateway.does('GET', '/status')
    assert.equal((await gateway.operator('GET', '/status', undefined, made.operatorToken)).status, 401)
    await gateway.stop()
  })
})
