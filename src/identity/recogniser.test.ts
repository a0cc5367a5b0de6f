import assert from 'node:assert/strict'
import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { newToken, storedForm } from '../crypto/tokens.ts'
import type { AgentId, TokenId } from '../ground/ids.ts'
import { Directory } from './directory.ts'
import { text } from './identity.support.ts'
import { Recogniser } from './recogniser.ts'

const key = createSecretKey(randomBytes(32))

/** A room of one agent, whose tokens are issued under `key`. */
function roomOfOne() {
  const directory = new Directory()
  directory.putAgent({ id: 'agent_1' as AgentId, name: 'coder', status: 'active', created_at: 0 })
  const recogniser = new Recogniser(directory)
  let count = 0
  const issue = () => {
    const token = text(newToken('ak').token)
    const hash = storedForm(key, 'ak', token)
    const dates = { issued_epoch: 1, created_at: 0, expires_at: 1, revoked_at: null }
    const id = `tok_${count++}` as TokenId
    directory.putToken({ id, kind: 'ak', owner: 'agent_1', label: null, hash, pepper: 1, status: 'active', ...dates })
    return token
  }
  const idOf = (token: string, under: KeyObject = key) => recogniser.recognise(token, () => under)?.id
  return { directory, recogniser, issue, idOf }
}

describe('Recogniser', () => {
  test('says the same of a token the second time, and tells tokens apart', () => {
    const { issue, idOf } = roomOfOne()
    const tokens = Array.from({ length: 10 }, issue)
    for (let round = 0; round < 3; round += 1)
      assert.deepEqual(
        tokens.map((one) => idOf(one)),
        tokens.map((_, i) => `tok_${i}`),
      )
    const stranger = text(newToken('ak').token)
    assert.deepEqual(
      [idOf(stranger), idOf(stranger), idOf(`${tokens[0]}x`), idOf('')],
      [undefined, undefined, undefined, undefined],
    )
  })

  test('recognises nobody under another key, and nobody without a key', () => {
    const { recogniser, issue, idOf } = roomOfOne()
    const token = issue()
    assert.equal(idOf(token), 'tok_0')
    assert.equal(idOf(token, createSecretKey(randomBytes(32))), undefined)
    const sealed = new Error('sealed')
    assert.throws(
      () =>
        recogniser.recognise(token, () => {
          throw sealed
        }),
      sealed,
    )
    assert.equal(idOf(token), 'tok_0')
  })

  test('recognises nobody whom the room forgot', () => {
    const { directory, recogniser, issue, idOf } = roomOfOne()
    const token = issue()
    assert.equal(idOf(token), 'tok_0')
    directory.clear()
    recogniser.forget()
    assert.equal(idOf(token), undefined)
  })

  test('recognises more tokens than it remembers', () => {
    const { issue, idOf } = roomOfOne()
    const tokens = Array.from({ length: 5_000 }, issue)
    for (const [i, token] of [...tokens, ...tokens].entries()) assert.equal(idOf(token), `tok_${i % 5_000}`)
  })
})
