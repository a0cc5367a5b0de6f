// `claviger ask`: a shell script that does nothing before a human said yes.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { inProcess } from '../src/cli/testing/in-process.ts'
import { asOperator, runs } from './instruments/command-line.ts'
import { Gateway } from './instruments/gateway.ts'
import { until } from './instruments/wait.ts'

let gateway: Gateway
let agents = 0
before(async () => {
  gateway = await Gateway.start({ env: { CLAVIGER_DEMO: 'off', CLAVIGER_STATED_ASSURANCE: 'tap' } })
})
after(() => gateway[Symbol.asyncDispose]())

/** The environment of an agent of its own. */
async function newAgent(): Promise<{ env: Record<string, string>; name: string; agentId: string }> {
  agents += 1
  const name = `shell-${agents}`
  const { id: agentId } = await gateway.does<{ id: string }>('POST', '/agents', { name })
  const { token } = await gateway.does<{ token: string }>('POST', '/tokens', { agent: name })
  const env = { CLAVIGER_HOME: join(gateway.folder, 'none'), CLAVIGER_URL: gateway.url, CLAVIGER_TOKEN: token }
  return { env, name, agentId }
}

const CONTEXT = '{"tool":"exec","params":{"command":"make deploy"}}'
const asks = (env: Record<string, string>, ...words: string[]) => inProcess(['ask', 'shell.exec', ...words], { env })

async function pendingOf(name: string): Promise<string> {
  const list = async () =>
    (await gateway.does<{ items: { id: string }[] }>('GET', `/approvals?status=pending&agent=${name}`)).items
  await until(async () => (await list()).length > 0)
  return (await list())[0]?.id ?? ''
}

describe('claviger ask', () => {
  test('ends with 0 for a yes, and gives a receipt that is used once for exactly that', async () => {
    const { env, name, agentId } = await newAgent()
    const file = join(gateway.folder, 'yes.jws')
    const asking = asks(env, '--context', CONTEXT, '--out', file)
    await asOperator(gateway, `approve ${await pendingOf(name)}`)
    const { code, stderr } = await asking
    assert.equal(code, 0, stderr)
    assert.equal(statSync(file).mode & 0o777, 0o600)
    const canonical = `{"action":"shell.exec","agentId":"${agentId}","context":{"params":{"command":"make deploy"},"tool":"exec"}}`
    const hash = createHash('sha256').update(canonical).digest('hex')
    const anybody = { CLAVIGER_HOME: env.CLAVIGER_HOME as string, CLAVIGER_URL: gateway.url }
    await runs(`receipt verify ${file} --consume`, anybody, 64)
    await runs(`receipt verify ${file} --payload-hash ${'0'.repeat(64)} --consume`, anybody, 1)
    await runs(`receipt verify ${file} --payload-hash ${hash} --agent ${name} --consume`, anybody)
    const again = await runs(`receipt verify ${file} --payload-hash ${hash} --consume`, anybody, 1)
    assert.match(again.stderr, /consumed/)
  })

  test('ends with 1 for a no, and says whose; nothing is written', async () => {
    const { env, name } = await newAgent()
    const file = join(gateway.folder, 'no.jws')
    const asking = asks(env, '--context', CONTEXT, '--out', file)
    await asOperator(gateway, `deny ${await pendingOf(name)} --comment never`)
    const { code, stderr, stdout } = await asking
    assert.deepEqual([code, stdout], [1, ''])
    assert.ok(stderr.includes('[asked_denied]') && stderr.includes('never'), stderr)
    assert.equal(existsSync(file), false)
  })

  test('ends with 1 where nobody answers in its time, or it is taken back', async () => {
    const { env, name } = await newAgent()
    const late = await asks(env, '--wait', '1s', '--idempotency-key', 'k')
    assert.deepEqual([late.code, late.stderr.includes('[asked_unanswered]')], [1, true], late.stderr)
    const asking = asks(env, '--idempotency-key', 'k')
    const id = await pendingOf(name)
    await gateway.agent('DELETE', `/claviger/v1/agents/self/approvals/${id}`, {
      headers: { host: `127.0.0.1:${gateway.port}`, authorization: `Bearer ${env.CLAVIGER_TOKEN}` },
    })
    const { code, stderr } = await asking
    assert.deepEqual([code, stderr.includes('[asked_not_given]')], [1, true], stderr)
  })

  test('shows the whole of a payload, given as a file, and prints the receipt', async () => {
    const { env, name } = await newAgent()
    const payload = join(gateway.folder, 'payload.json')
    writeFileSync(payload, '{"to":"ops@example.com","share":0.5}')
    const asking = asks(env, '--payload', payload, '--description', 'as agreed', '--risk', 'low', '--life', '1h')
    const id = await pendingOf(name)
    const { stdout: seen } = await asOperator(gateway, `approval show ${id}`)
    assert.ok(
      ['ops@example.com', '0.5', 'as agreed', '1 hour'].every((part) => seen.includes(part)),
      seen,
    )
    await asOperator(gateway, `approve ${id}`)
    const { code, stdout } = await asking
    assert.equal(code, 0)
    const keys = join(gateway.folder, 'keys.json')
    const file = join(gateway.folder, 'printed.jws')
    const set = await gateway.agent('GET', '/.well-known/claviger-receipt-keys.json', {
      headers: { host: `127.0.0.1:${gateway.port}` },
    })
    writeFileSync(keys, set.text())
    writeFileSync(file, stdout)
    const hash = createHash('sha256').update('{"share":0.5,"to":"ops@example.com"}').digest('hex')
    await runs(`receipt verify ${file} --keys ${keys} --payload-hash ${hash} --agent ${name}`, {})
    assert.equal(readFileSync(file, 'utf8').trim().split('.').length, 3)
  })

  test('is refused where it is wrong, and asks nobody', async () => {
    const { env, name } = await newAgent()
    const there = join(gateway.folder, 'there.jws')
    writeFileSync(there, '')
    const { CLAVIGER_TOKEN: _, ...without } = env
    const wrong: [Record<string, string>, string[], string][] = [
      [without, [], 'agent_token_missing'],
      [env, ['--context', '['], 'file_unreadable'],
      [env, ['--context', '{'], 'file_not_json'],
      [env, ['--wait', 'long'], 'usage'],
      [env, ['--life', '1s'], 'usage'],
      [env, ['--out', there], 'usage'],
      [env, ['--risk', 'none'], 'request_invalid'],
      [{ ...env, CLAVIGER_URL: 'http://127.0.0.1:1' }, [], 'gateway_not_running'],
    ]
    for (const [given, words, code] of wrong) {
      const ended = await asks(given, ...words)
      assert.ok(ended.code !== 0 && ended.stderr.includes(`[${code}]`), `${words.join(' ')}: ${ended.stderr}`)
    }
    const { items } = await gateway.does<{ items: object[] }>('GET', `/approvals?agent=${name}`)
    assert.deepEqual(items, [])
  })
})
