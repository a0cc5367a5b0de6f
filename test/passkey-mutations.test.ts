// G-05: whatever is not exactly what an authenticator was asked at our page is refused, and gives nobody a session.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Authenticator, type Twist } from './instruments/authenticator.ts'
import { Gateway } from './instruments/gateway.ts'
import { linkFor, Person } from './instruments/person.ts'

const flip = (at: number) => (good: Buffer) => {
  const bytes = Buffer.from(good)
  bytes[at < 0 ? bytes.length + at : at]! ^= 1
  return bytes
}
const said = (edit: (data: Record<string, unknown>) => void) => (good: Buffer) => {
  const data = JSON.parse(good.toString('utf8')) as Record<string, unknown>
  edit(data)
  return Buffer.from(JSON.stringify(data))
}
const cut = (good: Buffer) => good.subarray(0, -1)
const more = (good: Buffer) => Buffer.concat([good, Buffer.alloc(1)])

describe('a passkey’s answer', () => {
  let gateway: Gateway
  let ann: Person
  let bob: Person
  before(async () => {
    gateway = await Gateway.start({ env: { CLAVIGER_LIMIT_PEOPLE: 'off' } })
    ann = await Person.enrolled(gateway, 'ann', 'owner')
    bob = await Person.enrolled(gateway, 'bob', 'owner')
  })
  after(() => gateway[Symbol.asyncDispose]())

  /** Each is signed anew by the right key unless it says otherwise: only what is said is wrong. */
  function mutations(): [string, Twist][] {
    const { port } = new URL(ann.origin)
    return [
      ['the origin of another site', { origin: 'https://evil.test' }],
      ['another port of this machine', { origin: `http://localhost:${Number(port) === 1 ? 2 : 1}` }],
      ['the origin with https', { origin: `https://localhost:${port}` }],
      ['the address in digits', { origin: `http://127.0.0.1:${port}` }],
      ['a name below ours', { origin: `http://evil.localhost:${port}` }],
      ['the origin with a slash', { origin: `${ann.origin}/` }],
      ['the origin in capitals', { origin: ann.origin.toUpperCase() }],
      ['no origin', { origin: '' }],
      ['an opaque origin', { origin: 'null' }],
      ['another relying party', { rpId: 'evil.test' }],
      ['a relying party below ours', { rpId: 'evil.localhost' }],
      ['nobody present', { flags: 0x04 }],
      ['nobody verified', { flags: 0x01 }],
      ['no flag at all', { flags: 0 }],
      ['backed up without being able to', { flags: 0x15 }],
      ['the type of a registration', { type: 'webauthn.create' }],
      ['a payment', { type: 'payment.get' }],
      ['no type', { type: '' }],
      ['another challenge', { challenge: 'A'.repeat(43) }],
      ['no challenge', { challenge: '' }],
      ['a frame', { crossOrigin: true }],
      ['a frame, said as text', { crossOrigin: 'true' }],
      ['a frame, said as a number', { crossOrigin: 1 }],
      ['the page around a frame', { crossOrigin: true, topOrigin: 'https://evil.test' }],
      ['a page around without a frame', { topOrigin: 'https://evil.test' }],
      ['our own page around', { topOrigin: ann.origin }],
      ['a bit of the signature', { signature: flip(-1) }],
      ['the signature’s head', { signature: flip(0) }],
      ['the signature cut', { signature: cut }],
      ['the signature with more', { signature: more }],
      ['no signature', { signature: () => Buffer.alloc(0) }],
      ['another’s key', { signWith: bob.authenticator.keys.privateKey }],
      ['client data changed after signing', { sentClientData: (good) => Buffer.concat([good, Buffer.from(' ')]) }],
      ['a member added after signing', { sentClientData: said((data) => Object.assign(data, { more: 1 })) }],
      ['client data that is no JSON', { sentClientData: () => Buffer.from('webauthn.get') }],
      ['client data that is a list', { sentClientData: () => Buffer.from('[]') }],
      [
        'client data with a mark at its front',
        { sentClientData: (good) => Buffer.concat([Buffer.from('\uFEFF'), good]) },
      ],
      ['a name twice', { sentClientData: (good) => Buffer.from(good.toString().replace('{', '{"origin":"x",')) }],
      ['the counter changed after signing', { sentAuthenticatorData: flip(-1) }],
      ['the flags changed after signing', { sentAuthenticatorData: flip(32) }],
      ['authenticator data cut', { authenticatorData: cut }],
      ['authenticator data with more', { authenticatorData: more }],
      ['another’s passkey', { id: bob.authenticator.id }],
      ['a passkey that nobody has', { id: new Authenticator().id }],
      ['two names of one passkey', { rawId: bob.authenticator.id }],
      ['another’s handle', { userHandle: bob.authenticator.userHandle }],
      ['another kind of credential', { credentialType: 'password' }],
      ['the same counter again', { counter: 1 }],
      ['a counter of zero', { counter: 0 }],
    ]
  }

  test('signs nobody in when one thing about it is wrong', async () => {
    await ann.signsIn()
    await ann.signsIn()
    const table = mutations()
    assert.ok(table.length >= 40)
    for (const [what, twist] of table) {
      const guest = new Person(gateway, { authenticator: ann.authenticator })
      const reply = await guest.signsIn(twist)
      assert.ok(
        ['passkey_refused', 'request_invalid'].includes(reply.code ?? ''),
        `${what}: ${reply.status} ${reply.text()}`,
      )
      assert.equal(guest.cookie, undefined, what)
    }
    assert.equal((await ann.signsIn()).status, 200, 'and the right answer still does')
  })

  test('verifies nobody in a session when one thing about it is wrong', async () => {
    for (const [what, twist] of mutations()) {
      const reply = await ann.verifies(twist)
      assert.ok(['passkey_refused', 'request_invalid'].includes(reply.code ?? ''), `${what}: ${reply.status}`)
    }
    const asBob = new Person(gateway, { authenticator: bob.authenticator })
    asBob.cookie = ann.cookie
    asBob.csrf = ann.csrf
    assert.equal((await asBob.verifies()).code, 'passkey_refused')
    assert.equal((await ann.verifies()).status, 200)
  })

  test('is good for one try, for what it was asked for, and at the page that asked', async () => {
    const options = (await ann.does('POST', '/people/sign-in/start')) as never
    const response = ann.authenticator.get(options, ann.origin)
    assert.equal((await ann.send('POST', '/people/verify/complete', { response })).code, 'passkey_refused')
    assert.equal((await ann.send('POST', '/people/sign-in/complete', { response })).status, 200)
    assert.equal((await ann.send('POST', '/people/sign-in/complete', { response })).code, 'passkey_refused')
    const again = (await ann.does('POST', '/people/sign-in/start')) as never
    const wrong = ann.authenticator.get(again, ann.origin, { flags: 0x01 })
    assert.equal((await ann.send('POST', '/people/sign-in/complete', { response: wrong })).code, 'passkey_refused')
    const right = ann.authenticator.get(again, ann.origin)
    const late = await ann.send('POST', '/people/sign-in/complete', { response: right })
    assert.equal(late.code, 'passkey_refused', 'a challenge has no second try')
  })

  test('makes no passkey when one thing about it is wrong, and leaves the link good', async () => {
    await gateway.does('POST', '/operators', { name: 'cas', role: 'auditor' })
    const { token } = await linkFor(gateway, 'cas')
    const table: [string, Twist][] = [
      ['another origin', { origin: 'https://evil.test' }],
      ['another relying party', { rpId: 'evil.test' }],
      ['the type of a sign-in', { type: 'webauthn.get' }],
      ['another challenge', { challenge: 'A'.repeat(43) }],
      ['nobody present', { flags: 0x04 }],
      ['nobody verified', { flags: 0x01 }],
      ['a frame', { crossOrigin: true }],
      ['a page around', { topOrigin: 'https://evil.test' }],
      ['another’s name of it', { id: bob.authenticator.id }],
      ['authenticator data with more', { authenticatorData: more }],
      ['authenticator data cut', { authenticatorData: cut }],
    ]
    for (const [what, twist] of table) {
      const reply = await new Person(gateway).enrols(token, twist)
      assert.equal(reply.code, 'passkey_refused', `${what}: ${reply.status} ${reply.text()}`)
    }
    assert.equal((await new Person(gateway).enrols(token)).status, 201)
  })

  test('a counter that falls back on a device that copies nothing is on record as suspect; one that is synced may', async () => {
    const { items } = await gateway.does<{ items: { ev?: { what?: string } }[] }>(
      'GET',
      '/audit/records?type=auth&limit=500',
    )
    const suspects = items.filter(({ ev }) => ev?.what === 'operator.passkey_suspect')
    assert.ok(suspects.length >= 2, `${suspects.length} of ${items.length}`)
    const dan = await Person.enrolled(gateway, 'dan', 'auditor', { authenticator: new Authenticator({ synced: true }) })
    assert.equal((await dan.signsIn({ counter: 7 })).status, 200)
    assert.equal((await dan.signsIn({ counter: 3 })).status, 200)
  })
})
