import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { open, seal } from '../crypto/aead.ts'
import { fromBase64url, toBase64url } from '../crypto/base64url.ts'
import { domain, lp } from '../crypto/framing.ts'
import { hkdf, hkdfKey } from '../crypto/hkdf.ts'
import { hmac } from '../crypto/mac.ts'
import { newArgon2id, newHkdf, readPhc } from '../crypto/phc.ts'
import { stretch } from '../crypto/stretch.ts'
import { makeSlot, openSlot, readSlot, type Slot, slotHead, slotText } from './keyslot.ts'

const answers = JSON.parse(readFileSync(new URL('../../vectors/known-answers.json', import.meta.url), 'utf8'))
const known = answers.keyslot
const root = Buffer.from(answers.hkdf.root, 'hex')
const passphrase = Buffer.from(known.passphraseUtf8)
const cheap = () => newArgon2id({ memoryKiB: 16_384, passes: 1, lanes: 1 })
const made = await makeSlot(JSON.parse(known.head), passphrase, root, Buffer.from(known.nonce, 'hex'))

describe('the known keyslot', () => {
  test('has these keys', () => {
    const [ikm, salt] = [Buffer.from(known.ikm, 'hex'), Buffer.from(known.salt, 'hex')]
    assert.equal(hkdf(ikm, salt, domain('slot-wrap')).toString('hex'), known.wrapKey)
    assert.equal(hkdf(ikm, salt, domain('slot-commit')).toString('hex'), known.commitKey)
  })

  test('is what makeSlot() makes of its inputs, and opens', async () => {
    assert.equal(slotHead(made), known.head)
    assert.equal(fromBase64url(made.commit)?.toString('hex'), known.commit)
    assert.equal(fromBase64url(made.wrapped)?.toString('hex'), known.wrapped)
    assert.deepEqual(await openSlot(made, passphrase), root)
  })
})

describe('openSlot()', () => {
  test('refuses another passphrase', async () => {
    assert.equal(await openSlot(made, Buffer.from('another passphrase')), undefined)
  })

  test('refuses a changed head, commitment or wrapped key', async () => {
    const flip = (text: string) => {
      const bytes = fromBase64url(text)!
      bytes[bytes.length - 1]! ^= 1
      return toBase64url(bytes)
    }
    const changes: readonly Partial<Slot>[] = [
      { id: 'slot_2' },
      { created: made.created + 1 },
      { epoch: made.epoch + 1 },
      { type: 'file' },
      { kdf: cheap() },
      { kdf: made.kdf.replace('t=2', 't=1') },
      { kdf: '$argon2id$v=19$m=8,t=1,p=1$cHFyc3R1dnd4eXp7fH1+fw' },
      { commit: flip(made.commit) },
      { commit: '' },
      { commit: `${made.commit}=` },
      { wrapped: flip(made.wrapped) },
      { wrapped: '' },
    ]
    for (const change of changes) {
      assert.equal(await openSlot({ ...made, ...change }, passphrase), undefined, JSON.stringify(change))
    }
  })

  test('refuses at the commitment what the AEAD would have opened', async () => {
    const { forged, presented, wrapKey, aad } = await forgeUncommitted()
    assert.deepEqual(open(wrapKey, aad, fromBase64url(forged.wrapped)!), root)
    assert.equal(await openSlot(forged, presented), undefined)
  })

  test('opens a slot of a random key, and no passphrase opens it', async () => {
    const key = Buffer.alloc(32, 5)
    const slot = await makeSlot({ created: 1, epoch: 0, kdf: newHkdf(), type: 'file' }, key, root)
    assert.deepEqual(await openSlot(slot, key), root)
    assert.equal(await openSlot(slot, Buffer.alloc(32, 6)), undefined)
  })

  test('refuses a passphrase slot that is not stretched, and a file slot that is', async () => {
    await assert.rejects(makeSlot({ created: 1, epoch: 0, kdf: newHkdf(), type: 'passphrase' }, root, root), RangeError)
    await assert.rejects(makeSlot({ created: 1, epoch: 0, kdf: cheap(), type: 'file' }, root, root), RangeError)
  })
})

/**
 * What a two-key ciphertext comes down to once one of its keys is tried (THREATS H-03): the AEAD opens with that key under
 * the AAD that is in the slot. Only the commitment, made with the other key, stands against it.
 */
async function forgeUncommitted() {
  const presented = Buffer.from('one of the two passphrases')
  const head = { created: 1, epoch: 0, id: 'slot_1', kdf: cheap(), type: 'passphrase' as const }
  const phc = readPhc(head.kdf)!
  const other = hkdfKey(Buffer.alloc(32, 9), phc.salt, domain('slot-commit'))
  const commit = hmac(other, domain('slot-commit'), slotHead(head))
  const aad = Buffer.concat([domain('slot-wrap'), lp(slotHead(head)), lp(commit)])
  const wrapKey = hkdfKey(await stretch(presented, phc), phc.salt, domain('slot-wrap'))
  const forged: Slot = { ...head, commit: toBase64url(commit), wrapped: toBase64url(seal(wrapKey, aad, root)) }
  return { forged, presented, wrapKey, aad }
}

describe('readSlot()', () => {
  test('reads what slotText() writes', () => assert.deepEqual(readSlot(slotText(made)), made))

  test('refuses everything else', () => {
    const text = slotText(made)
    const refused = [
      '',
      'null',
      '[]',
      ` ${text}`,
      text.replace('{', '{"a":1,'),
      text.replace('"epoch":1', '"epoch":1,"epoch":1'),
      text.replace('"epoch":1', '"epoch":1.0'),
      text.replace('"epoch":1', '"epoch":"1"'),
      text.replace('slot_1', 'row_1'),
      text.replace('"passphrase"', '"tpm"'),
      text.replace('"type"', '"__proto__":{},"type"'),
    ]
    for (const other of refused) assert.equal(readSlot(other), undefined, other.slice(0, 60))
  })
})
