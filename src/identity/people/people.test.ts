// What depends on time, and the passkey behind an approval: the room on a real database with a clock that is set.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { Authenticator, type Twist } from '../../../test/instruments/authenticator.ts'
import { domain } from '../../crypto/framing.ts'
import type { OperatorId } from '../../ground/ids.ts'
import type { Role } from '../../http/endpoint.ts'
import { by, TestIdentity } from '../identity.support.ts'
import { makeLink } from './links.ts'
import { partyAt } from './party.ts'
import { People } from './people.ts'
import { completeSignIn, completeVerification, recover, startSignIn, startVerification } from './proving.ts'
import { completeEnrolment, startEnrolment } from './registering.ts'
import { addOperator, setRole } from './roster.ts'

const MINUTE = 60_000
const [here, elsewhere] = [partyAt('http://localhost:4318'), partyAt('https://gate.example')]
const refused = (check: string) => ({ code: 'passkey_refused', facts: { check } })

describe('operators as persons', () => {
  const house = new TestIdentity()
  let people: People
  before(async () => {
    await house.start()
    people = new People(house.identity.room, () => [elsewhere, here])
    await people.load()
  })
  after(() => house.end())

  async function enrolled(name: string, role: Role, authenticator = new Authenticator(), party = here) {
    const operator = await addOperator(house.identity.room, { name, role }, by)
    const token = await linkOf(name)
    const { options } = await startEnrolment(people.room, token, party)
    const response = authenticator.create(options as never, party.origin)
    const made = await completeEnrolment(people.room, { token, name: 'key', response } as never, party, undefined)
    return { operator, authenticator, made }
  }

  const linkOf = async (name: string) => new URL((await makeLink(people.room, name, by)).link).hash.slice(1)

  async function signIn(authenticator: Authenticator, twist?: Twist, party = here) {
    const options = await startSignIn(people.room, party)
    return completeSignIn(
      people.room,
      authenticator.get(options as never, party.origin, twist) as never,
      party,
      undefined,
    )
  }

  const lives = ({ token, csrf }: { token: string; csrf: string }) => people.recognise(token, csrf, here) !== undefined

  test('a link leads to the public address, and is over after fifteen minutes', async () => {
    await addOperator(house.identity.room, { name: 'ann', role: 'owner' }, by)
    const { link } = await makeLink(people.room, 'ann', by)
    assert.ok(link.startsWith('https://gate.example/enrol#clv_iv_'))
    house.clock.advance(15 * MINUTE - 1)
    await startEnrolment(people.room, new URL(link).hash.slice(1), here)
    house.clock.advance(1)
    await assert.rejects(startEnrolment(people.room, new URL(link).hash.slice(1), here), {
      code: 'link_used',
      status: 410,
    })
  })

  test('of two who use a link at once one gets in', async () => {
    await addOperator(house.identity.room, { name: 'twice', role: 'owner' }, by)
    const token = await linkOf('twice')
    const tries = [new Authenticator(), new Authenticator()].map(async (authenticator) => {
      const { options } = await startEnrolment(people.room, token, here)
      const response = authenticator.create(options as never, here.origin)
      return completeEnrolment(people.room, { token, name: 'key', response } as never, here, undefined)
    })
    const codes = (await Promise.allSettled(tries)).map((one) => (one.status === 'fulfilled' ? 'in' : one.reason.code))
    assert.deepEqual(codes.sort(), ['in', 'link_used'])
  })

  test('a session ends after an hour without use, after a day of use, and a recovery session after fifteen minutes', async () => {
    const { authenticator, made } = await enrolled('bea', 'owner')
    const idle = await signIn(authenticator)
    house.clock.advance(60 * MINUTE - 1)
    assert.ok(lives(idle))
    house.clock.advance(60 * MINUTE)
    assert.ok(!lives(idle))
    const used = await signIn(authenticator)
    for (let half = 0; half < 47; half += 1) {
      house.clock.advance(30 * MINUTE)
      assert.ok(lives(used), `${half}`)
    }
    house.clock.advance(30 * MINUTE)
    assert.ok(!lives(used))
    const short = await recover(people.room, made.recoveryCodes?.[0] as string, here, undefined)
    house.clock.advance(15 * MINUTE - 1)
    assert.ok(lives(short))
    house.clock.advance(1)
    assert.ok(!lives(short))
  })

  test('a clock that is set back prolongs no session', async () => {
    const { authenticator } = await enrolled('ben', 'owner')
    const opened = await signIn(authenticator)
    house.clock.advance(60 * MINUTE)
    const now = house.clock.now()
    house.clock.jumpTo(now - 60 * MINUTE)
    assert.ok(!lives(opened))
    house.clock.jumpTo(now)
  })

  test('a proof is fresh for five minutes, and again when it is given again', async () => {
    const { authenticator } = await enrolled('cyd', 'owner')
    const { session } = await signIn(authenticator)
    house.clock.advance(5 * MINUTE - 1)
    assert.ok(session.isFresh())
    house.clock.advance(1)
    assert.ok(!session.isFresh())
    const options = await startVerification(people.room, session)
    await completeVerification(people.room, authenticator.get(options as never, here.origin) as never, session)
    assert.ok(session.isFresh())
  })

  test('an answer after five minutes is too late', async () => {
    const { authenticator } = await enrolled('dot', 'owner')
    const options = await startSignIn(people.room, here)
    house.clock.advance(5 * MINUTE)
    const late = authenticator.get(options as never, here.origin) as never
    await assert.rejects(completeSignIn(people.room, late, here, undefined), refused('challenge'))
  })

  test('a passkey is good at its own place alone', async () => {
    const { authenticator } = await enrolled('eli', 'owner')
    await assert.rejects(signIn(authenticator, {}, elsewhere), refused('credential'))
    const away = await enrolled('flo', 'owner', new Authenticator(), elsewhere)
    await assert.rejects(signIn(away.authenticator), refused('credential'))
    const opened = await signIn(away.authenticator, {}, elsewhere)
    assert.equal(people.recognise(opened.token, opened.csrf, here), undefined, 'and so is its session')
    assert.equal(people.recognise(opened.token, opened.csrf, elsewhere)?.operator.name, 'flo')
  })

  test('a device that says today that it may be copied, and did not when it was made, is refused', async () => {
    const { authenticator } = await enrolled('gil', 'owner')
    await assert.rejects(signIn(authenticator, { flags: 0x0d }), refused('backup_state'))
  })

  test('rows that other hands edited are left out and told of', async () => {
    const { authenticator, operator } = await enrolled('hue', 'owner')
    await house.storage.close()
    house.database.edit(`update passkeys set synced = 1 where operator = '${operator.id}'`)
    await house.start()
    people = new People(house.identity.room, () => [elsewhere, here])
    const { bad } = await people.load()
    assert.equal(bad.length, 1)
    await assert.rejects(signIn(authenticator), refused('credential'))
  })

  describe('the passkey of an approval', () => {
    const digest = createHash('sha256').update('what was shown').digest('hex')
    const other = createHash('sha256').update('something else').digest('hex')
    let approver: Awaited<ReturnType<typeof enrolled>>
    let id: OperatorId
    before(async () => {
      approver = await enrolled('ida', 'approver')
      id = approver.operator.id
    })

    const ask = (approvalId = 'apr_1', shown = digest) =>
      people.approvals.challenge({ approvalId, digest: shown, operator: id }, here.origin)
    const answer = (options: unknown, twist?: Twist) =>
      approver.authenticator.get(options as never, here.origin, twist) as never
    const verify = (assertion: never, approvalId = 'apr_1', shown = digest, operator = id) =>
      people.approvals.verify({ approvalId, digest: shown, operator, assertion })

    test('proves what was signed: the challenge is made of the digest and a nonce that is kept', async () => {
      const verdict = await verify(answer(await ask()))
      assert.deepEqual(
        [verdict.operator, verdict.name, verdict.assurance, verdict.channel],
        [id, 'ida', 'passkey', 'console'],
      )
      const { clientDataJSON, nonce } = verdict.assertion
      const said = JSON.parse(Buffer.from(clientDataJSON, 'base64url').toString('utf8')) as { challenge: string }
      const made = createHash('sha256')
        .update(domain('webauthn-approve'))
        .update(Buffer.from(digest, 'hex'))
        .update(Buffer.from(nonce, 'base64url'))
      assert.equal(said.challenge, made.digest('base64url'))
    })

    test('is refused for another approval, another digest, another operator, a second time, late, and at another page', async () => {
      const bob = await enrolled('joe', 'owner')
      await assert.rejects(verify(answer(await ask('apr_y')), 'apr_x'), refused('challenge'))
      await assert.rejects(verify(answer(await ask('apr_1', other))), refused('challenge'))
      await assert.rejects(verify(answer(await ask()), 'apr_1', other), refused('challenge'))
      await assert.rejects(verify(answer(await ask()), 'apr_1', digest, bob.operator.id), refused('challenge'))
      const once = answer(await ask())
      await verify(once)
      await assert.rejects(verify(once), refused('challenge'))
      const late = await ask()
      house.clock.advance(120_000)
      await assert.rejects(verify(answer(late)), refused('challenge'))
      await assert.rejects(verify(answer(await ask(), { origin: 'https://gate.example' })), refused('origin'))
      const byBob = bob.authenticator.get((await ask()) as never, here.origin) as never
      await assert.rejects(verify(byBob), refused('credential'))
      await assert.rejects(
        people.approvals.challenge({ approvalId: 'apr_1', digest, operator: id }, 'https://evil.test'),
        {
          code: 'origin_refused',
        },
      )
    })

    test('is no answer to a sign-in, and a sign-in none to it', async () => {
      const options = await startSignIn(people.room, here)
      await assert.rejects(verify(answer(options)), refused('challenge'))
      const asked = answer(await ask())
      await assert.rejects(completeSignIn(people.room, asked, here, undefined), refused('challenge'))
    })

    test('is refused when the counter of a device falls back, or nobody was verified', async () => {
      await assert.rejects(verify(answer(await ask(), { counter: 1 })), refused('counter'))
      await assert.rejects(verify(answer(await ask(), { flags: 0x01 })), refused('user_verification'))
    })

    test('is refused to an auditor, also to one who was an approver when asked', async () => {
      const assertion = answer(await ask())
      await setRole(house.identity.room, 'ida', 'auditor', by)
      await assert.rejects(verify(assertion), refused('role'))
    })
  })
})
