// What an agent does itself by the command line, against a real gateway.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { readPublicKey } from '../src/crypto/p256.ts'
import { runs } from './instruments/command-line.ts'
import { Gateway } from './instruments/gateway.ts'

const folder = mkdtempSync(join(tmpdir(), 'claviger-login-'))
const at = (name: string) => join(folder, name)
let gateway: Gateway
before(async () => {
  gateway = await Gateway.start()
})
after(async () => {
  await gateway[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

interface Options {
  readonly code?: number
  readonly env?: Record<string, string>
  readonly operator?: boolean
}
/** As somebody who knows where the gateway is, and nothing more unless told otherwise. */
function claviger(line: string, { code = 0, env = {}, operator = false }: Options = {}) {
  const own = operator ? { CLAVIGER_OPERATOR_TOKEN: gateway.operatorToken } : {}
  return runs(line, { CLAVIGER_HOME: gateway.home, CLAVIGER_URL: gateway.url, ...own, ...env }, code)
}
const json = async (line: string, options: Options = {}) =>
  JSON.parse((await claviger(`${line} --json`, options)).stdout) as Record<string, string>

/** An agent with a key in a file. */
async function registered(name: string): Promise<{ id: string; key: string }> {
  await claviger(`agent keygen ${at(name)}`)
  const { agentId = '' } = await json(`agent register ${name} --key ${at(name)}`, { operator: true })
  return { id: agentId, key: at(name) }
}

describe('claviger agent keygen', () => {
  test('makes a private key for its owner alone, and overwrites none', async () => {
    const made = await json(`agent keygen ${at('first.pem')}`)
    assert.equal(statSync(at('first.pem')).mode & 0o777, 0o600)
    assert.equal(made.thumbprint, readPublicKey(readFileSync(at('first.pem.pub'), 'utf8')).thumbprint)
    assert.equal(JSON.stringify(made).includes('PRIVATE'), false)
    const before = readFileSync(at('first.pem'), 'utf8')
    const { stderr } = await claviger(`agent keygen ${at('first.pem')}`, { code: 1 })
    assert.match(stderr, /\[file_exists\]/)
    assert.equal(readFileSync(at('first.pem'), 'utf8'), before)
  })
})

describe('claviger agent register', () => {
  test('registers by an invite from a file, once', async () => {
    await claviger(`agent keygen ${at('invited.pem')}`)
    const { stdout } = await claviger('agent invite', { operator: true })
    writeFileSync(at('invite'), stdout, { mode: 0o600 })
    const env = { CLAVIGER_INVITE_FILE: at('invite') }
    const line = `agent register invited --key ${at('invited.pem')}`
    assert.equal((await json(line, { env })).status, 'active')
    await claviger(`agent keygen ${at('other.pem')}`)
    const again = await claviger(`agent register other --key ${at('other.pem')}`, { env, code: 1 })
    assert.match(again.stderr, /\[invite_invalid\]/)
  })

  test('is refused without an invite, an operator or a key', async () => {
    const closed = await claviger(`agent register nobody --key ${at('other.pem')}`, { code: 1 })
    assert.match(closed.stderr, /\[registration_closed\]/)
    await claviger('agent register nobody', { code: 64 })
    const missing = await claviger(`agent register nobody --key ${at('none.pem')}`, { code: 78 })
    assert.match(missing.stderr, /\[key_file_invalid\]/)
    writeFileSync(at('attestation'), 'x')
    const line = `agent register nobody --key ${at('other.pem')} --attestation ${at('attestation')}`
    await claviger(line, { code: 1 })
  })
})

describe('claviger login and whoami', () => {
  test('sign in, print the token alone, and say who it is for', async () => {
    const { id, key } = await registered('signer')
    for (const family of ['', 'agent ']) {
      const { stdout, stderr } = await claviger(`${family}login --agent ${id} --key ${key}`)
      assert.match(stdout, /^ey[\w-]+\.[\w-]+\.[\w-]+\n$/)
      assert.match(stderr, /is signed in until/)
      const self = await json(`${family}whoami`, { env: { CLAVIGER_TOKEN: stdout.trim() } })
      assert.deepEqual([self.agentId, self.name, self.status], [id, 'signer', 'active'])
    }
  })

  test('write the token to a file for its owner alone, in the place of the one before', async () => {
    const { id, key } = await registered('filer')
    const env = { CLAVIGER_AGENT: id, CLAVIGER_AGENT_KEY_FILE: key }
    const line = `login --out ${at('token')}`
    assert.equal((await claviger(line, { env })).stdout, `${at('token')}\n`)
    const first = readFileSync(at('token'), 'utf8')
    await claviger(line, { env })
    assert.notEqual(readFileSync(at('token'), 'utf8'), first)
    assert.equal(statSync(at('token')).mode & 0o777, 0o600)
    const self = await json('whoami', { env: { CLAVIGER_TOKEN_FILE: at('token') } })
    assert.equal(self.agentId, id)
    const shown = await json(line, { env })
    assert.equal(JSON.stringify(shown).includes('eyJ'), false)
  })

  test('are refused with a key of another, with a file that others read, and by another issuer', async () => {
    const [one, two] = [await registered('one'), await registered('two')]
    const wrong = await claviger(`login --agent ${one.id} --key ${two.key}`, { code: 77 })
    assert.match(wrong.stderr, /\[proof_refused\]/)
    const line = `login --agent ${one.id} --key ${one.key}`
    const other = await claviger(`${line} --issuer https://keys.example.com`, { code: 1 })
    assert.match(other.stderr, /\[issuer_mismatch\]/)
    await claviger(`login --key ${one.key}`, { code: 64 })
    assert.match((await claviger(`login --agent one --key ${one.key}`, { code: 64 })).stderr, /the id is wanted/)
    await claviger(`login --agent ${one.id}`, { code: 64 })
    const nobody = { CLAVIGER_URL: 'http://127.0.0.1:1' }
    assert.match((await claviger(line, { code: 69, env: nobody })).stderr, /\[gateway_not_running\]/)
    assert.match((await claviger('whoami', { code: 77 })).stderr, /\[agent_token_missing\]/)
  })
})

describe('claviger agent proof', () => {
  test('is what an operator adds a key with', async () => {
    const { id } = await registered('proved')
    await claviger(`agent keygen ${at('second.pem')}`)
    writeFileSync(at('proof'), (await claviger(`agent proof ${at('second.pem')}`)).stdout)
    const line = `agent key add ${id} --public-key ${at('second.pem.pub')} --proof ${at('proof')}`
    await claviger(line, { operator: true })
    await claviger(`login --agent ${id} --key ${at('second.pem')}`)
  })
})

describe('claviger agent key rotate', () => {
  const keysOf = async (id: string) => {
    const { items } = await gateway.does<{ items: { status: string; thumbprint: string }[] }>(
      'GET',
      `/agents/${id}/keys`,
    )
    return items.map(({ status }) => status).sort()
  }

  test('exchanges the file’s key, and lets the old one retire', async () => {
    const { id, key } = await registered('rotated')
    const old = readFileSync(key, 'utf8')
    const { thumbprint } = await json(`agent key rotate --agent ${id} --key ${key} --overlap 1h`)
    assert.notEqual(readFileSync(key, 'utf8'), old)
    assert.equal(statSync(key).mode & 0o777, 0o600)
    assert.equal(thumbprint, readPublicKey(readFileSync(`${key}.pub`, 'utf8')).thumbprint)
    assert.equal(existsSync(`${key}.new`), false)
    assert.deepEqual(await keysOf(id), ['active', 'retiring'])
    await claviger(`login --agent ${id} --key ${key}`)
    writeFileSync(at('old.pem'), old, { mode: 0o600 })
    await claviger(`login --agent ${id} --key ${at('old.pem')}`)
  })

  test('goes on where it was interrupted: before the new key was registered, and after', async () => {
    const { id, key } = await registered('interrupted')
    await claviger(`agent keygen ${key}.new`)
    const left = readFileSync(`${key}.new`, 'utf8')
    await claviger(`agent key rotate --agent ${id} --key ${key}`)
    assert.equal(readFileSync(key, 'utf8'), left)
    // Registered, and the old one is gone; the files were not exchanged yet.
    renameSync(key, `${key}.new`)
    renameSync(`${key}.pub`, `${key}.new.pub`)
    await claviger(`agent keygen ${key}`)
    await claviger(`agent key rotate --agent ${id} --key ${key}`)
    assert.equal(readFileSync(key, 'utf8'), left)
    await claviger(`login --agent ${id} --key ${key}`)
  })

  test('leaves the old key in its place when the new one is not taken', async () => {
    const { id, key } = await registered('kept')
    const before = readFileSync(key, 'utf8')
    await gateway.does('POST', `/agents/${id}/lock`)
    await claviger(`agent key rotate --agent ${id} --key ${key}`, { code: 1 })
    assert.equal(readFileSync(key, 'utf8'), before)
  })
})
