// What was used up or given up stays so: for whoever writes into the database, and for sign-ins of a key that retired.
import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { after, before, test } from 'node:test'
import { fromKey } from '../../crypto/p256.ts'
import { by, TestIdentity } from '../identity.support.ts'
import { addKey } from '../keys/agent-keys.ts'
import { register } from '../keys/register.ts'
import { Challenges } from './challenges.ts'
import { addChallenge, type ChallengeRow } from './store.ts'
import { openSession, refreshSession } from './tokens.ts'

const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const mine = pair()
let house: TestIdentity
let made: Awaited<ReturnType<typeof register>>
before(async () => {
  house = await new TestIdentity().start()
  const asked = { name: 'one', key: fromKey(mine.publicKey), proven: true, behind: { operator: by } } as const
  made = await register(house.identity.room, asked)
})
after(() => house.end())

test('a challenge that was answered is not answered again, whoever lays its row back (F-01, F-07)', async () => {
  const challenges = new Challenges(house.identity.room)
  const bytesOf = ({ nonce }: ChallengeRow) => [Buffer.from(nonce)]
  const prove = ({ id, nonce }: ChallengeRow) => {
    const signature = sign('sha256', Buffer.from(nonce), { key: mine.privateKey, dsaEncoding: 'ieee-p1363' })
    return challenges.proveBySignature(id, signature, bytesOf, false, () => {})
  }
  const row = await challenges.ask({ agent: made.agent.id })
  assert.equal((await prove(row)).agent.id, made.agent.id)
  house.clock.advance(301_000)
  const other = await challenges.ask({ agent: made.agent.id })
  const edits: Partial<ChallengeRow>[] = [
    { expires_at: house.clock.now() + 60_000 },
    { expires_at: house.clock.now() + 60_000, id: 'chal_made-up' },
    { ...other, nonce: row.nonce, id: 'chal_other' },
    { ...other, id: 'chal_another', audience: 'rel_elsewhere' },
  ]
  for (const edit of edits) {
    const planted = { ...row, ...edit }
    await addChallenge(house.storage, planted)
    await assert.rejects(prove(planted), { because: 'unknown_challenge' })
  }
  assert.equal((await prove(other)).agent.id, made.agent.id)
})

test('the sign-ins of a key end with its overlap', async () => {
  const { room, accessTokens } = house.identity
  const wanted = { agent: made.agent.id, keyId: made.key.id, audience: house.issuer, typ: 'at+jwt' } as const
  const opened = { ...wanted, lifeMs: 300_000, refresh: { lifeMs: 86_400_000 } }
  const { accessToken, refreshToken = '' } = await openSession(room, opened, by)
  await addKey(room, { agent: made.agent.id, key: fromKey(pair().publicKey), retireOthersMs: 60_000 }, by)
  house.clock.advance(59_999)
  assert.equal(accessTokens.verify(accessToken, house.issuer).ok, true)
  house.clock.advance(1)
  assert.deepEqual(accessTokens.verify(accessToken, house.issuer), { ok: false, error: 'revoked' })
  await assert.rejects(
    refreshSession(room, refreshToken, {}, () => by),
    { code: 'refresh_invalid' },
  )
})
