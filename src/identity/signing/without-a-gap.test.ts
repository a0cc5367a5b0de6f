// The keys under a life of months in fast motion: others verify with key sets that are up to a minute old, processes die
// between any two writes, operators rotate and revoke. What a key signed that nobody revoked is never refused.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { runSeed, seeded } from '../../../test/generators/seeded.ts'
import type { Es256Signer } from '../../crypto/es256-signer.ts'
import { Problem } from '../../ground/problem.ts'
import { type Death, dying } from '../../vault/vault.support.ts'
import { by, MINUTE_MS, TestSigning } from './signing.support.ts'

const STEPS = process.env.PROVING === undefined ? 2_500 : 50_000
const LIFE_MS = 10 * MINUTE_MS
const JWKS_AGE_MS = MINUTE_MS

interface Issued {
  readonly kid: string
  readonly at: number
}

/** Somebody who verifies elsewhere, with the key set as it was when it was fetched last; never fetched before its time. */
class Verifier {
  readonly #room: TestSigning
  #fetched: number
  #known: ReadonlySet<string>

  constructor(room: TestSigning, ageMs: number) {
    this.#room = room
    this.#fetched = room.clock.mono() - ageMs
    this.#known = this.#listed()
  }

  knows(kid: string): boolean {
    const now = this.#room.clock.mono()
    if (now - this.#fetched >= JWKS_AGE_MS) {
      this.#fetched = now
      this.#known = this.#listed()
    }
    return this.#known.has(kid)
  }

  #listed(): ReadonlySet<string> {
    return new Set(this.#room.keys.jwks().keys.map((key) => key.kid))
  }
}

describe('signing keys', () => {
  const room = new TestSigning()
  room.changes = { rotateMs: 15 * MINUTE_MS, longestTokenLifeMs: LIFE_MS }
  before(() => room.start())
  after(() => room.end())

  const tolerated = (error: unknown) => {
    if (error instanceof Problem && error.code === 'signing_key_too_new') return
    if (!(error instanceof Error) || error.message !== 'the process died') throw error
  }

  test('follow each other without a token being refused', async () => {
    const { below: random } = seeded(runSeed('without a gap'))
    const verifiers = Array.from({ length: 16 }, () => new Verifier(room, random(JWKS_AGE_MS)))
    const revoked = new Set<string>()
    let issued: Issued[] = []
    let suspectUntil = Number.NEGATIVE_INFINITY
    const seen = { signed: 0, verified: 0, keys: new Set<string>(), deaths: 0, emergencies: 0 }

    const die = async (work: () => Promise<void>) => {
      const death = (['before', 'inside', 'after'] as Death[])[random(3)] as Death
      room.wrap = dying(random(4), death)
      await room.restart(undefined, { settled: false })
      room.wrap = (storage) => storage
      const listed = room.keys.jwks().keys.map(({ kid }) => kid)
      await work().catch(tolerated)
      await room.restart(undefined, { settled: false })
      seen.deaths += 1
      // The next process settles what the last one left; nobody heard of a key in between.
      await room.keys.settle()
      return listed
    }
    const emergency = async () => {
      const all = random(2) === 0
      const live = room.keys.list().filter(({ status }) => status !== 'revoked')
      const gone = live.filter(({ status }) => all || status === 'active').map(({ kid }) => kid)
      await (all ? room.keys.rotate(by, { emergency: true }) : room.keys.revoke(gone[0] ?? '', by))
      for (const kid of gone) {
        revoked.add(kid)
        assert.equal(room.keys.find(kid), undefined)
      }
      suspectUntil = room.clock.mono() + JWKS_AGE_MS
      seen.emergencies += 1
    }

    for (let step = 0; step < STEPS; step += 1) {
      room.clock.advance(500 + random(6_000))
      const what = random(100)
      if (what < 30) await room.keys.settle()
      else if (what < 55) await room.keys.rotate(by).catch(tolerated)
      else if (what < 58) await die(() => room.keys.settle())
      else if (what < 60) await die(() => room.keys.rotate(by))
      else if (what < 61) await emergency()
      else if (what < 63) await room.restart()

      const now = room.clock.mono()
      const signer: Es256Signer = room.keys.active()
      assert.equal(room.keys.find(signer.kid)?.status, 'active')
      // What is signed in the minute after an emergency may be unknown elsewhere; that is said, and it is a minute.
      if (now >= suspectUntil) {
        issued.push({ kid: signer.kid, at: now })
        seen.signed += 1
        seen.keys.add(signer.kid)
      }
      issued = issued.filter(({ kid, at }) => now - at <= LIFE_MS && !revoked.has(kid))
      for (const { kid } of issued) assert.notEqual(room.keys.find(kid), undefined, `step ${step}: own data plane`)
      for (const verifier of verifiers) {
        for (const { kid, at } of issued)
          assert.equal(verifier.knows(kid), true, `step ${step}: signed ${now - at} ms ago`)
        seen.verified += issued.length
      }
      assert.equal(room.keys.list().filter(({ status }) => status === 'active').length, 1)
    }
    console.log(
      `${seen.signed} signed with ${seen.keys.size} keys, verified ${seen.verified} times; ${seen.deaths} deaths`,
    )
    assert.ok(seen.keys.size > 10 && seen.deaths > 10 && seen.emergencies > 3)
    assert.deepEqual(room.troubles, [])
    assert.equal(await room.storage.checkRows(), 'ok')
  })
})
