import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { toBase64url, utf8 } from '../bytes.ts'
import { signJws } from '../jws.ts'
import { generateKeyPair } from '../keys.ts'
import { readPublicKey } from '../public-key.ts'
import { webCryptoSigner } from '../signer.ts'
import { actionDigest, payloadHash } from './digest.ts'
import type { ReceiptClaims } from './receipt-claims.ts'
import { useReceipt } from './use-receipt.ts'
import { createReceiptVerifier, verifyReceipt } from './verify-receipt.ts'

interface Vector {
  readonly name: string
  readonly receipt: string
  /** Seconds. */
  readonly now: number
  readonly about?: { readonly digest?: string; readonly payloadHash?: string; readonly agent?: string }
  readonly keys?: Set
  readonly claims?: ReceiptClaims
  readonly error?: string
}
interface Set {
  readonly keys: readonly Readonly<Record<string, unknown>>[]
}
interface Vectors {
  readonly actions: readonly { readonly action: Readonly<Record<string, unknown>>; readonly digest: string }[]
  readonly payloads: readonly { readonly payload: unknown; readonly sha256: string }[]
  readonly keys: Set
  readonly receipts: readonly Vector[]
}
const file = join(import.meta.dirname, '..', '..', '..', 'vectors', 'receipts.json')
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors

const NOW = 1_790_000_100
const CLAIMS: ReceiptClaims = {
  ...{ iss: 'https://gateway.example', jti: 'rcp_1', iat: NOW - 100, exp: NOW + 100, uses: 1 },
  ...{ approval: 'apr_1', digest: 'ab'.repeat(32), kind: 'stated', agent: { id: 'agent_1', name: 'robot' } },
  ...{ action: 'shell.exec', payloadHash: 'cd'.repeat(32), verdict: 'approved', assurance: 'passkey' },
  approvers: [{ id: 'op_1', name: 'ann', assurance: 'passkey', at: NOW - 100, channel: 'console' }],
  assertions: [{ credentialId: 'Y3Jl', sha256: 'ef'.repeat(32) }],
}

/** A gateway's key, and what it signs. */
async function keyed() {
  const signer = await webCryptoSigner(await generateKeyPair())
  const { jwk, thumbprint: kid } = await readPublicKey(signer.publicKey)
  const keys = { keys: [{ ...jwk, kid, alg: 'ES256', use: 'sig' }] }
  const sign = (claims: object, typ = 'clv-receipt+jwt') => signJws(signer, { typ, kid }, claims)
  const now = () => NOW * 1_000
  return { keys, sign, now, receipt: await sign(CLAIMS) }
}

describe('the vectors of docs/protocol/receipt.md', () => {
  for (const { action, digest } of vectors.actions) {
    test(`action: ${String(action.kind)} ${digest.slice(0, 8)}`, async () => {
      assert.equal(await actionDigest(action), digest)
      assert.equal(await actionDigest(Object.fromEntries(Object.entries(action).reverse())), digest)
    })
  }
  for (const { payload, sha256 } of vectors.payloads) {
    test(`payload: ${sha256.slice(0, 8)}`, async () => assert.equal(await payloadHash(payload), sha256))
  }
  for (const { name, receipt, now, about = {}, keys = vectors.keys, claims, error } of vectors.receipts) {
    test(`receipt: ${name}`, async () => {
      const verifier = createReceiptVerifier({ keys, now: () => now * 1_000 })
      const read = await verifier.read(receipt)
      const digest = read.valid ? read.claims.digest : '0'.repeat(64)
      const verdict = await verifier.verify(receipt, { digest, ...about })
      assert.equal(verdict.valid ? undefined : verdict.error, error)
      if (claims !== undefined && verdict.valid) assert.deepEqual(verdict.claims, claims)
    })
  }
})

describe('verifyReceipt()', () => {
  const { digest, payloadHash: hash } = CLAIMS as { digest: string; payloadHash: string }

  test('wants to know what is about to be done, and whose keys count', async () => {
    const { keys, receipt } = await keyed()
    const jwksUrl = 'https://gateway.example/keys'
    const refused = { code: 'options_invalid' }
    for (const options of [{ keys }, { keys, agent: 'robot' }, { digest }, { keys, jwksUrl, digest }]) {
      await assert.rejects(verifyReceipt(receipt, options), refused)
    }
    await assert.rejects(verifyReceipt(receipt, { keys: {} as never, digest }), refused)
    await assert.rejects(verifyReceipt(receipt, { jwksUrl: 'http://gateway.example/', digest }), {
      code: 'jwks_url_invalid',
    })
  })

  const faults: readonly [string, object, string][] = [
    ['another digest', { digest: '0'.repeat(64) }, 'wrong_action'],
    ['another payload hash', { digest, payloadHash: '0'.repeat(64) }, 'wrong_action'],
    ['another payload', { digest, payload: null }, 'wrong_action'],
    ['another action', { payloadHash: hash, action: { kind: 'stated' } }, 'wrong_action'],
    ['another agent', { digest, agent: 'other' }, 'wrong_agent'],
    ['another gateway', { digest, issuer: 'https://other.example' }, 'wrong_issuer'],
  ]
  for (const [what, about, error] of faults) {
    test(`refuses one for ${what}`, async () => {
      const { receipt, ...own } = await keyed()
      assert.deepEqual(await verifyReceipt(receipt, { ...own, ...about }), { valid: false, error })
    })
  }

  test('takes one that fits in all that is asked', async () => {
    const { sign, keys, now } = await keyed()
    const payload = { action: 'shell.exec', agentId: 'agent_1', context: { ratio: 0.1 } }
    const action = { kind: 'stated', anything: 'else' }
    const receipt = await sign({
      ...CLAIMS,
      digest: await actionDigest(action),
      payloadHash: await payloadHash(payload),
    })
    const about = { payload, action, agent: 'robot', issuer: 'https://gateway.example' }
    const verdict = await verifyReceipt(receipt, { keys, now, ...about })
    assert.equal(verdict.valid && verdict.claims.approvers[0]?.name, 'ann')
  })

  const forms: readonly [string, object, string][] = [
    ['a yes without an end', { exp: undefined }, 'malformed'],
    ['an end that is no time', { exp: 'soon' }, 'malformed'],
    ['a verdict of its own', { verdict: 'maybe' }, 'malformed'],
    ['no approvers', { approvers: undefined }, 'malformed'],
    ['an approver without a name', { approvers: [{ ...CLAIMS.approvers[0], name: undefined }] }, 'malformed'],
    ['a hash in capitals', { digest: 'AB'.repeat(32) }, 'malformed'],
    ['an agent that is a text', { agent: 'robot' }, 'malformed'],
    ['a no', { verdict: 'denied', exp: undefined }, 'denied'],
    ['an end that is now', { exp: NOW }, 'expired'],
  ]
  for (const [what, over, error] of forms) {
    test(`refuses ${what}`, async () => {
      const { sign, ...own } = await keyed()
      const receipt = await sign({ ...CLAIMS, ...over })
      assert.deepEqual(await verifyReceipt(receipt, { ...own, digest }), { valid: false, error })
    })
  }

  test('refuses another kind of token, another key, and what was edited', async () => {
    const { sign, receipt, ...own } = await keyed()
    const said = async (text: string, keys = own.keys) => {
      const verdict = await verifyReceipt(text, { ...own, keys, digest })
      return verdict.valid ? undefined : verdict.error
    }
    assert.equal(await said(receipt), undefined)
    assert.equal(await said(await sign(CLAIMS, 'approval+jwt')), 'malformed')
    assert.equal(await said(receipt, (await keyed()).keys), 'bad_signature')
    const [head, , tail] = receipt.split('.')
    const forged = toBase64url(utf8(JSON.stringify({ ...CLAIMS, uses: 1_000 })))
    assert.equal(await said(`${head}.${forged}.${tail}`), 'bad_signature')
  })

  test('refuses what was signed since its key was compromised, whichever way the set says it', async () => {
    const { keys, ...own } = await keyed()
    const [jwk] = keys.keys
    const said = async (...marks: unknown[]) => {
      const set = { keys: marks.map((compromisedSince) => ({ ...jwk, compromisedSince })) }
      const verdict = await verifyReceipt(own.receipt, { ...own, keys: set, digest })
      return verdict.valid ? undefined : verdict.error
    }
    assert.equal(await said(CLAIMS.iat + 1), undefined)
    for (const marks of [[CLAIMS.iat], [0], ['soon'], [null], [{}], [undefined, CLAIMS.iat], [CLAIMS.iat, undefined]]) {
      assert.equal(await said(...marks), 'key_compromised', JSON.stringify(marks))
    }
  })

  test('fetches the set once for many, and believes nobody where there is none', async () => {
    const { keys, receipt, now } = await keyed()
    let asked = 0
    let isUp = true
    const fetch = async () => {
      asked += 1
      return isUp ? Response.json(keys) : new Response('', { status: 500 })
    }
    const jwksUrl = 'https://gateway.example/.well-known/claviger-receipt-keys.json'
    const verifier = createReceiptVerifier({ jwksUrl, fetch, now })
    for (let n = 0; n < 3; n += 1) assert.equal((await verifier.verify(receipt, { digest })).valid, true)
    assert.equal(asked, 1)
    isUp = false
    await assert.rejects(verifyReceipt(receipt, { jwksUrl, fetch, now, digest }), { code: 'jwks_unavailable' })
  })

  test('reads what is long over, or a no, where that is asked', async () => {
    const { sign, keys } = await keyed()
    const verifier = createReceiptVerifier({ keys })
    for (const claims of [CLAIMS, { ...CLAIMS, verdict: 'denied', exp: undefined }]) {
      const read = await verifier.read(await sign(claims))
      assert.equal(read.valid && read.claims.verdict, claims.verdict)
    }
  })
})

describe('useReceipt()', () => {
  test('asks nobody where what is about to be done is not said, or is two things', async () => {
    const fetch = async () => assert.fail('nobody is asked')
    const baseUrl = 'https://gateway.example'
    await assert.rejects(useReceipt('x', { baseUrl, fetch }), { code: 'options_invalid' })
    const about = { digest: '0'.repeat(64), action: { kind: 'stated' } }
    assert.deepEqual(await useReceipt('x', { baseUrl, fetch, ...about }), { valid: false, error: 'wrong_action' })
  })

  test('takes nothing for a yes that the gateway did not say', async () => {
    const baseUrl = 'https://gateway.example'
    for (const body of [{}, { valid: 'true' }, { valid: true }, { valid: false }]) {
      const fetch = async () => Response.json(body)
      const used = useReceipt('x', { baseUrl, fetch, digest: '0'.repeat(64) })
      await assert.rejects(used, { code: 'answer_invalid' }, JSON.stringify(body))
    }
  })
})
