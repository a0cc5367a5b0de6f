import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { dictionary } from '@zxcvbn-ts/language-common'
import { Secret } from '../ground/secret.ts'
import { estimateGuesses } from './estimate-guesses.ts'
import { checkPassphrase, MIN_GUESSES_LOG10, passphraseBytes } from './passphrase.ts'

const check = (text: string) => checkPassphrase(Secret.fromText(text))
const commonest = dictionary['passwords-common'].slice(0, 10_000)

describe('checkPassphrase()', () => {
  for (const text of [
    'correct horse battery staple',
    'kumquat vortex ladder sable mint orbit',
    'kJ8#mQ2$vL9x',
    'größere Füchse mögen Äpfel',
    `${'x'.repeat(100)}kJ8#mQ2$vL9x`,
  ]) {
    test(`takes ${JSON.stringify(text.slice(0, 40))}`, () => check(text))
  }

  test('refuses the ten thousand commonest passwords that are too short for it', async () => {
    const short = commonest.filter((password) => password.length < 12)
    assert.ok(short.length > 9_000)
    for (const password of short) await assert.rejects(check(password), { code: 'passphrase_too_short' })
  })

  test('refuses those of them that are long enough, and decorations of them', async () => {
    const long = commonest.filter((password) => password.length >= 12)
    assert.ok(long.length > 10)
    const words = ['password', 'dragon', 'letmein', 'trustno1']
    const decorated = words.flatMap((word) => [`${word}123456`, `${word}${word}`, `${word}2024!!!!`])
    for (const password of [...long, ...decorated]) {
      assert.ok(estimateGuesses(password) < MIN_GUESSES_LOG10, password)
    }
    await assert.rejects(check(long[0]!), { code: 'passphrase_too_weak' })
  })

  const refused: readonly (readonly [string, string])[] = [
    ['', 'passphrase_too_short'],
    ['kJ8#mQ2$vL9', 'passphrase_too_short'],
    ['🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑', 'passphrase_too_short'],
    ['aaaaaaaaaaaaaaaaaaaaaaaa', 'passphrase_too_weak'],
    ['abcdefghijklmnopqrst', 'passphrase_too_weak'],
    ['qwertyuiopasdfghjkl', 'passphrase_too_weak'],
    ['claviger passphrase', 'passphrase_too_weak'],
    ['summer2024summer', 'passphrase_too_weak'],
    ['é'.repeat(513), 'passphrase_too_long'],
  ]
  for (const [text, code] of refused) {
    test(`refuses ${JSON.stringify(text.slice(0, 30))}: ${code}`, () => assert.rejects(check(text), { code }))
  }

  test('refuses bytes that are not UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from('kJ8#mQ2$vL9x'), Buffer.from([0xff, 0xfe])])
    await assert.rejects(checkPassphrase(new Secret(bytes)), { code: 'passphrase_too_weak' })
  })
})

describe('passphraseBytes()', () => {
  test('gives one form to two spellings of one text', () => {
    const composed = passphraseBytes(Secret.fromText('caf\u00e9 au lait'))
    assert.deepEqual(passphraseBytes(Secret.fromText('cafe\u0301 au lait')), composed)
  })

  test('keeps a leading byte order mark and trailing spaces', () => {
    assert.equal(passphraseBytes(Secret.fromText('\ufeffa '))?.length, 5)
  })

  test('refuses nothing, too much, and bad UTF-8', () => {
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(1_025, 97), Buffer.from([0x80])]) {
      assert.equal(passphraseBytes(new Secret(bytes)), undefined)
    }
  })
})
