import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { after, before, beforeEach, describe, test } from 'node:test'
import { keySigner, signJwt } from '../../crypto/es256-signer.ts'
import { fromKey } from '../../crypto/p256.ts'
import type { AgentId } from '../../ground/ids.ts'
import { by, TestIdentity } from '../identity.support.ts'
import { revokeKey } from '../keys/agent-keys.ts'
import { register } from '../keys/register.ts'
import { AUTH_TYP, Challenges, type ProofRefused } from './challenges.ts'
import { purgeSessions } from './purge.ts'
import { type OpenSession, openSession, refreshSession, revokeSession, sessionOfJti } from './tokens.ts'

const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const admit = () => {}
const anyone = () => ({ kind: 'agent', id: 'agent_x' }) as const

let house: TestIdentity
let agent: AgentId
let keyId: string
let mine: ReturnType<typeof pair>

before(async () => {
  house = await new TestIdentity().start()
})
after(() => house.end())

let count = 0
beforeEach(async () => {
  mine = pair()
  count += 1
  const made = await register(house.identity.room, {
    name: `agent-${count}`,
    key: fromKey(mine.publicKey),
    proven: true,
    behind: { operator: by },
  })
  agent = made.agent.id
  keyId = made.key.id
})

const room = () => house.identity.room
const verify = (token: string, audience = house.issuer) => house.identity.accessTokens.verify(token, audience)
const wanted = (): OpenSession => ({
  agent,
  keyId: keyId as OpenSession['keyId'],
  audience: house.issuer,
  typ: 'at+jwt',
  lifeMs: 300_000,
  refresh: { lifeMs: 86_400_000 },
})

function proof(key: KeyObject, claims: Record<string, unknown>, typ = AUTH_TYP, kid = fromKey(key).thumbprint) {
  return signJwt(keySigner(kid, key), typ, claims)
}

/** What the strong form must say for a challenge. */
function claimsFor(nonce: string, more: Record<string, unknown> = {}) {
  const iat = Math.floor(house.clock.now() / 1_000)
  return { aud: house.issuer, iss: agent, sub: agent, nonce, jti: 'j1', iat, exp: iat + 60, ...more }
}

describe('a challenge', () => {
  test('is answered by the strong form, once', async () => {
    const challenges = new Challenges(room())
    const { id, nonce } = await challenges.ask({ agent })
    assert.match(nonce, /^[0-9a-f]{64}$/)
    const text = await proof(mine.privateKey, claimsFor(nonce))
    const proven = await challenges.proveByJws(id, text, admit)
    assert.equal(proven.agent.id, agent)
    assert.equal(proven.key.bound, true)
    await assert.rejects(challenges.proveByJws(id, text, admit), { because: 'unknown_challenge' })
  })

  test('has one winner among many', async () => {
    const challenges = new Challenges(room())
    const { id, nonce } = await challenges.ask({ agent })
    const text = await proof(mine.privateKey, claimsFor(nonce))
    const tries = await Promise.allSettled(Array.from({ length: 16 }, () => challenges.proveByJws(id, text, admit)))
    assert.equal(tries.filter(({ status }) => status === 'fulfilled').length, 1)
  })

  const bad: [string, (nonce: string) => Promise<string>, string?][] = [
    ['for another audience', (nonce) => proof(mine.privateKey, claimsFor(nonce, { aud: 'https://elsewhere.example' }))],
    ['with two audiences', (nonce) => proof(mine.privateKey, claimsFor(nonce, { aud: [house.issuer, 'x'] }))],
    ['for another agent', (nonce) => proof(mine.privateKey, claimsFor(nonce, { iss: 'agent_other' }))],
    ['with another subject', (nonce) => proof(mine.privateKey, claimsFor(nonce, { sub: 'agent_other' }))],
    ['over another nonce', () => proof(mine.privateKey, claimsFor('0'.repeat(64)))],
    [
      'that lives too long',
      (nonce) => proof(mine.privateKey, claimsFor(nonce, { exp: house.clock.now() / 1_000 + 120 })),
    ],
    ['that is over', (nonce) => proof(mine.privateKey, claimsFor(nonce, { iat: 1, exp: 30 }))],
    ['from the future', (nonce) => proof(mine.privateKey, claimsFor(nonce, { iat: house.clock.now() / 1_000 + 30 }))],
    ['without a jti', (nonce) => proof(mine.privateKey, claimsFor(nonce, { jti: undefined }))],
    ['of another type', (nonce) => proof(mine.privateKey, claimsFor(nonce), 'at+jwt')],
    ['by another key', (nonce) => proof(pair().privateKey, claimsFor(nonce))],
    [
      'by another key under the name of ours',
      (nonce) => proof(pair().privateKey, claimsFor(nonce), AUTH_TYP, fromKey(mine.publicKey).thumbprint),
    ],
    ['that is no JWS', async (nonce) => sign('sha256', Buffer.from(nonce), mine.privateKey).toString('hex')],
    [
      'keyed with the public key',
      async (nonce) => {
        const [head, body] = [{ alg: 'HS256', typ: AUTH_TYP }, claimsFor(nonce)].map((part) =>
          Buffer.from(JSON.stringify(part)).toString('base64url'),
        )
        const pem = mine.publicKey.export({ type: 'spki', format: 'pem' }) as string
        return `${head}.${body}.${createHmac('sha256', pem).update(`${head}.${body}`).digest('base64url')}`
      },
    ],
  ]
  for (const [what, make] of bad) {
    test(`is not answered by a proof ${what}, and is used up`, async () => {
      const challenges = new Challenges(room())
      const { id, nonce } = await challenges.ask({ agent })
      await assert.rejects(challenges.proveByJws(id, await make(nonce), admit), (error: ProofRefused) => {
        assert.deepEqual([error.because, (error.problem as { code?: string }).code], ['bad_signature', 'proof_refused'])
        return true
      })
      const good = await proof(mine.privateKey, claimsFor(nonce))
      await assert.rejects(challenges.proveByJws(id, good, admit), { because: 'unknown_challenge' })
    })
  }

  test('is given for agents that are not there, and refused in the same words', async () => {
    const challenges = new Challenges(room())
    const { id, nonce } = await challenges.ask({ agent: 'agent_nobody' })
    const text = await proof(mine.privateKey, claimsFor(nonce))
    await assert.rejects(challenges.proveByJws(id, text, admit), (error: ProofRefused) => {
      assert.deepEqual([error.because, (error.problem as { code?: string }).code], ['unknown_agent', 'proof_refused'])
      return true
    })
  })

  test('is not answered by a key that is too old', async () => {
    house.rules = { keyMaxAgeMs: 86_400_000 }
    await house.restart()
    const challenges = new Challenges(room())
    const young = await challenges.ask({ agent })
    assert.ok(await challenges.proveByJws(young.id, await proof(mine.privateKey, claimsFor(young.nonce)), admit))
    house.clock.advance(86_400_001)
    const old = await challenges.ask({ agent })
    const text = await proof(mine.privateKey, claimsFor(old.nonce))
    await assert.rejects(challenges.proveByJws(old.id, text, admit), { because: 'key_overdue' })
    house.rules = {}
    await house.restart()
  })

  test('ends after five minutes', async () => {
    const challenges = new Challenges(room())
    const { id, nonce } = await challenges.ask({ agent })
    house.clock.advance(5 * 60_000)
    const text = await proof(mine.privateKey, claimsFor(nonce))
    await assert.rejects(challenges.proveByJws(id, text, admit), { because: 'expired' })
  })

  test('says that an agent is locked to whoever holds its key, and to nobody else', async () => {
    await house.identity.lockAgent(agent, by)
    for (const [key, because] of [
      [mine.privateKey, 'inactive'],
      [pair().privateKey, 'bad_signature'],
    ] as const) {
      const challenges = new Challenges(room())
      const { id, nonce } = await challenges.ask({ agent })
      await assert.rejects(challenges.proveByJws(id, await proof(key, claimsFor(nonce)), admit), { because })
    }
  })

  test('takes a bare nonce from a key only until that key signed a bound form', async () => {
    const challenges = new Challenges(room())
    const bare = async () => {
      const { id, nonce } = await challenges.ask({ agent })
      const raw = sign('sha256', Buffer.from(nonce), { key: mine.privateKey, dsaEncoding: 'ieee-p1363' })
      return challenges.proveBySignature(id, raw, (row) => [Buffer.from(row.nonce)], false, admit)
    }
    assert.equal((await bare()).key.bound, false)
    const { id, nonce } = await challenges.ask({ agent })
    await challenges.proveByJws(id, await proof(mine.privateKey, claimsFor(nonce)), admit)
    await assert.rejects(bare(), { because: 'wrong_form' })
    await house.restart()
    await assert.rejects(
      new Challenges(room()).ask({ agent }).then(({ id: again, nonce: next }) => {
        const raw = sign('sha256', Buffer.from(next), { key: mine.privateKey, dsaEncoding: 'ieee-p1363' })
        return new Challenges(room()).proveBySignature(again, raw, (row) => [Buffer.from(row.nonce)], false, admit)
      }),
      { because: 'wrong_form' },
    )
  })
})

describe('an access token', () => {
  test('holds over a restart, until its session ends', async () => {
    const { accessToken, sid, jti } = await openSession(room(), wanted(), by)
    for (let round = 0; round < 2; round += 1) {
      const verdict = verify(accessToken)
      assert.ok(verdict.ok)
      assert.deepEqual([verdict.token.claims.sub, verdict.token.claims.sid], [agent, sid])
      assert.equal(house.identity.authenticate(accessToken)?.kind, 'agent')
      await house.restart()
    }
    const session = sessionOfJti(room(), jti)
    assert.equal(session?.id, sid)
    await revokeSession(room(), session!, by)
    assert.deepEqual(verify(accessToken), { ok: false, error: 'revoked' })
    await house.restart()
    assert.deepEqual(verify(accessToken), { ok: false, error: 'revoked' })
  })

  const endings: [string, () => Promise<unknown>, string][] = [
    ['its key is revoked', () => revokeKey(room(), { agent, key: keyId, evenLast: true }, by), 'revoked'],
    ['everything is revoked', () => house.identity.emergencyRevoke(by), 'revoked'],
    ['its agent is locked', () => house.identity.lockAgent(agent, by), 'agent_inactive'],
    ['its agent is revoked', () => house.identity.revokeAgent(agent, by), 'agent_inactive'],
    ['its time is over', async () => house.clock.advance(300_000), 'expired'],
  ]
  for (const [what, end, error] of endings) {
    test(`is dead when ${what}`, async () => {
      const { accessToken } = await openSession(room(), wanted(), by)
      assert.ok(verify(accessToken).ok)
      await end()
      assert.deepEqual(verify(accessToken), { ok: false, error })
      await house.restart()
      assert.deepEqual(verify(accessToken), { ok: false, error })
    })
  }

  test('dies with the session it was exchanged for', async () => {
    const parent = await openSession(room(), wanted(), by)
    const child = await openSession(room(), { ...wanted(), refresh: undefined, parent: parent.sid }, by)
    assert.ok(verify(child.accessToken).ok)
    await revokeSession(room(), room().sessions.get(parent.sid)!, by)
    assert.deepEqual(verify(child.accessToken), { ok: false, error: 'revoked' })
  })

  test('is good for its audience alone', async () => {
    const { accessToken } = await openSession(room(), { ...wanted(), audience: 'rly_other' }, by)
    assert.deepEqual(verify(accessToken), { ok: false, error: 'wrong_audience' })
    assert.ok(verify(accessToken, 'rly_other').ok)
    assert.equal(house.identity.authenticate(accessToken), undefined)
  })

  test('is refused with any claim, header or signature changed', async () => {
    const { accessToken } = await openSession(room(), wanted(), by)
    const [head, body, tail] = accessToken.split('.') as [string, string, string]
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const forged: string[] = []
    for (const name of Object.keys(claims)) {
      for (const value of [undefined, null, '', 'x', 0, -1, 1e12, ['x'], {}]) {
        forged.push(`${head}.${encode({ ...claims, [name]: value })}.${tail}`)
      }
    }
    for (const alg of ['none', 'HS256', 'ES384', 'ES256K', '']) {
      forged.push(`${encode({ alg, typ: 'at+jwt', kid: house.kid })}.${body}.${tail}`)
      forged.push(`${encode({ alg, typ: 'at+jwt', kid: house.kid })}.${body}.`)
    }
    for (const at of [0, 20, 40, 60, 84]) {
      const other = tail[at] === 'A' ? 'B' : 'A'
      forged.push(`${head}.${body}.${tail.slice(0, at)}${other}${tail.slice(at + 1)}`)
    }
    for (const text of forged) {
      assert.ok(!verify(text).ok, text)
      assert.equal(house.identity.authenticate(text), undefined)
    }
  })

  test('of a signer we do not know, or with claims of another kind, speaks for nobody', async () => {
    const { sid } = await openSession(room(), wanted(), by)
    const now = Math.floor(house.clock.now() / 1_000)
    const claims = { iss: house.issuer, aud: house.issuer, sub: agent, jti: 'x', iat: now, exp: now + 60, sid }
    const stranger = pair().privateKey
    const cases = [
      await signJwt(keySigner('unknown', stranger), 'at+jwt', claims),
      await signJwt(keySigner(house.kid, stranger), 'at+jwt', claims),
      await signJwt(keySigner(house.kid, house.signer.privateKey), 'dpop+jwt', claims),
      await signJwt(keySigner(house.kid, house.signer.privateKey), 'at+jwt', { ...claims, iss: 'https://x.example' }),
      await signJwt(keySigner(house.kid, house.signer.privateKey), 'at+jwt', { ...claims, sid: 'ses_unknown' }),
      await signJwt(keySigner(house.kid, house.signer.privateKey), 'at+jwt', { ...claims, sub: 'agent_other' }),
      await signJwt(keySigner(house.kid, house.signer.privateKey), 'at+jwt', {
        ...claims,
        iat: now + 3_600,
        exp: now + 7_200,
      }),
    ]
    for (const text of cases) assert.equal(house.identity.authenticate(text), undefined)
  })

  test('leaves in what its scope says, and nothing else', async () => {
    const { accessToken } = await openSession(room(), { ...wanted(), scope: 'github:read' }, by)
    const verdict = verify(accessToken)
    assert.ok(verdict.ok)
    const call = (enough: string) => ({ action: undefined, required: [], enough })
    assert.equal(verdict.token.covers('github', call('github:read')), true)
    assert.equal(verdict.token.covers('github', call('github:write')), false)
    assert.equal(verdict.token.covers('stripe', call('stripe:read')), false)
  })
})

describe('a token that is good for so many calls', () => {
  test('counts each of them once, over a restart', async () => {
    const { accessToken } = await openSession(room(), { ...wanted(), refresh: undefined, maxUses: 5 }, by)
    const use = () => {
      const verdict = verify(accessToken)
      return verdict.ok ? (verdict.token.use?.() ?? Promise.resolve(false)) : Promise.resolve(false)
    }
    assert.deepEqual(await Promise.all([use(), use(), use()]), [true, true, true])
    await house.restart()
    assert.deepEqual(await Promise.all([use(), use(), use(), use()]), [true, true, false, false])
  })
})

describe('a refresh token', () => {
  const refresh = (token: string, jkt?: string) => refreshSession(room(), token, { jkt }, anyone)

  test('is used up by a refresh, and ends everything when it is shown again', async () => {
    const first = await openSession(room(), wanted(), by)
    const second = await refresh(first.refreshToken!)
    assert.ok(verify(second.accessToken).ok)
    await house.restart()
    await assert.rejects(refresh(first.refreshToken!), { code: 'refresh_reused' })
    await assert.rejects(refresh(second.refreshToken!), { code: 'refresh_invalid' })
    for (const { accessToken } of [first, second])
      assert.deepEqual(verify(accessToken), { ok: false, error: 'revoked' })
  })

  test('has one winner among many', async () => {
    const { refreshToken } = await openSession(room(), wanted(), by)
    const tries = await Promise.allSettled(Array.from({ length: 16 }, () => refresh(refreshToken!)))
    assert.equal(tries.filter(({ status }) => status === 'fulfilled').length, 1)
  })

  test('that is bound wants its key', async () => {
    const { refreshToken } = await openSession(room(), { ...wanted(), jkt: 'thumb' }, by)
    await assert.rejects(refresh(refreshToken!), { code: 'refresh_invalid' })
    await assert.rejects(refresh(refreshToken!, 'other'), { code: 'refresh_invalid' })
    assert.ok((await refresh(refreshToken!, 'thumb')).refreshToken)
  })

  test('of a locked agent, or after its time, gives nothing', async () => {
    const { refreshToken } = await openSession(room(), wanted(), by)
    await house.identity.lockAgent(agent, by)
    await assert.rejects(refresh(refreshToken!), { code: 'agent_not_active' })
    await house.identity.unlockAgent(agent, by)
    house.clock.advance(86_400_000)
    await assert.rejects(refresh(refreshToken!), { code: 'refresh_invalid' })
  })

  for (const text of ['', 'rf_', `rf_${'a'.repeat(43)}`, 'eyJ', `rf_${'a'.repeat(44)}`, '\u0000']) {
    test(`is not ${JSON.stringify(text.slice(0, 8))}`, () => assert.rejects(refresh(text), { code: 'refresh_invalid' }))
  }
})

describe('sessions that ended', () => {
  test('are kept for a day where a used refresh token must be known, else for a minute, then removed', async () => {
    const short = await openSession(room(), { ...wanted(), refresh: undefined }, by)
    const long = await openSession(room(), { ...wanted(), refresh: { lifeMs: 300_000 } }, by)
    const there = () => [short, long].map(({ sid }) => room().sessions.get(sid) !== undefined)
    house.clock.advance(300_000 + 59_000)
    await purgeSessions(room())
    assert.deepEqual(there(), [true, true])
    house.clock.advance(2_000)
    await purgeSessions(room())
    assert.deepEqual(there(), [false, true])
    house.clock.advance(24 * 3_600_000)
    await purgeSessions(room())
    await house.restart()
    assert.deepEqual([there(), house.bad], [[false, false], []])
    assert.equal(await purgeSessions(room()), 0)
  })

  test('make room: the oldest of an agent go where it opens too many', async () => {
    house.rules = { mostSessions: 16 }
    await house.restart()
    const first = await openSession(room(), wanted(), by)
    for (let n = 0; n < 40; n += 1) await openSession(room(), wanted(), by)
    assert.deepEqual(verify(first.accessToken), { ok: false, error: 'revoked' })
    assert.ok(room().sessions.of(agent).size <= 17)
    house.rules = {}
    await house.restart()
    assert.ok(room().sessions.of(agent).size <= 17)
  })
})

describe('other hands in the database', () => {
  test('make no session, and bring none back', async () => {
    const { accessToken, sid, refreshToken } = await openSession(room(), wanted(), by)
    await revokeSession(room(), room().sessions.get(sid)!, by)
    await house.restart(`update sessions set status = 'active' where id = '${sid}'`)
    assert.deepEqual(house.bad, [`sessions/${sid}`])
    assert.deepEqual(verify(accessToken), { ok: false, error: 'revoked' })
    await assert.rejects(refreshSession(room(), refreshToken!, {}, anyone), { code: 'refresh_invalid' })
  })

  test('add no key', async () => {
    const stranger = fromKey(pair().publicKey)
    await house.restart(
      `update agent_keys set spki = x'${stranger.spki.toString('hex')}', thumbprint = '${stranger.thumbprint}' where id = '${keyId}'`,
    )
    assert.ok(house.bad.includes(`agent_keys/${keyId}`))
    assert.deepEqual(room().keys.live(agent, house.clock.now()), [])
  })
})
