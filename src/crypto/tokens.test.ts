import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import {
  composeToken,
  newToken,
  readToken,
  storedForm,
  storedImport,
  TOKEN_PATTERN,
  type TokenKind,
  tokenLabel,
} from './tokens.ts'

const answers = JSON.parse(readFileSync(new URL('../../vectors/known-answers.json', import.meta.url), 'utf8'))
const known = answers.token
const pepper = createSecretKey(Buffer.from(answers.hkdf.tokenPepper_v1, 'hex'))
const kinds: readonly TokenKind[] = ['ak', 'px', 'bu', 'os', 'op', 'iv']

describe('composeToken()', () => {
  test('gives the known answer', () => {
    const text = composeToken('px', Buffer.from(known.idBytes, 'hex'), Buffer.from(known.secretBytes, 'hex'))
    assert.equal(text, known.token)
    assert.equal(crc32(text.slice(0, -7)).toString(16), known.crc32)
  })

  test('refuses other sizes', () => {
    assert.throws(() => composeToken('px', Buffer.alloc(10), Buffer.alloc(32)), RangeError)
    assert.throws(() => composeToken('px', Buffer.alloc(11), Buffer.alloc(31)), RangeError)
  })

  test('keeps its width for all zeros and all ones', () => {
    for (const byte of [0, 255]) {
      const text = composeToken('ak', Buffer.alloc(11, byte), Buffer.alloc(32, byte))
      assert.deepEqual(readToken(text)?.kind, 'ak')
    }
  })
})

describe('newToken()', () => {
  for (const kind of kinds) {
    test(`makes clv_${kind}_ tokens that read back and match the published pattern`, () => {
      const { id, token } = newToken(kind)
      const text = token.reveal().toString()
      assert.deepEqual(readToken(text), { kind, id })
      assert.match(`key=${text}, next`, new RegExp(TOKEN_PATTERN))
      assert.equal(tokenLabel({ kind, id }), text.slice(0, 23))
    })
  }

  test('is hidden from whatever prints it', () => {
    const made = newToken('ak')
    assert.equal(JSON.stringify(made.token), '"[secret]"')
    assert.equal(`${made.token}`, '[secret]')
  })
})

describe('readToken()', () => {
  test('refuses every change of one character', () => {
    fc.assert(
      fc.property(fc.nat(known.token.length - 1), fc.integer({ min: 0x20, max: 0x17f }), (at, code) => {
        const character = String.fromCharCode(code)
        fc.pre(known.token[at] !== character)
        assert.equal(readToken(known.token.slice(0, at) + character + known.token.slice(at + 1)), undefined)
      }),
      { numRuns: 2000 },
    )
  })

  test('refuses other shapes', () => {
    const token: string = known.token
    const refused = ['', 'clv', ` ${token}`, `${token} `, `${token}\n`, token.toUpperCase(), token.slice(1)]
    refused.push(token.replace('clv_px', 'clv_zz'), token.replaceAll('_', '-'), `${token}${token}`, '0'.repeat(74))
    for (const text of refused) assert.equal(readToken(text), undefined)
  })
})

describe('storedForm()', () => {
  test('gives the known answer', () => {
    assert.equal(storedForm(pepper, 'px', known.token).toString('hex'), known.stored)
  })

  test('differs by kind, pepper, token and from an imported hash', () => {
    const other = createSecretKey(Buffer.alloc(32, 1))
    const forms = [
      storedForm(pepper, 'px', 'token'),
      storedForm(pepper, 'ak', 'token'),
      storedForm(other, 'px', 'token'),
      storedForm(pepper, 'px', 'token2'),
      storedImport(pepper, 'px', Buffer.from('token')),
    ]
    assert.equal(new Set(forms.map((form) => form.toString('hex'))).size, forms.length)
  })
})
