import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Chain, chainsOf } from './chains.ts'
import { type SecretMatcher, secretMatcher } from './matcher.ts'

const MARK = '[#]'
const times = process.env.PROVING === '1' ? 100 : 1

/** Every end of an occurrence of `chain` that begins at `from`: all threads, byte by byte, without any cleverness. */
function endsOf(chain: Chain, bytes: Buffer, from: number): number[] {
  const ends: number[] = []
  let threads = new Map([['0 0', { unit: 0, node: 0 }]])
  for (let at = from; at < bytes.length && threads.size > 0; at++) {
    const next = new Map<string, { unit: number; node: number }>()
    for (const { unit, node } of threads.values()) {
      const edges = chain.units[unit]?.edges[node] ?? []
      for (let i = 0; i < edges.length; i += 2) {
        if (edges[i] !== bytes[at]) continue
        const to = edges[i + 1]!
        const reached = to > 0 ? { unit, node: to } : { unit: unit - to, node: 0 }
        if (to < 0 && reached.unit >= chain.needs) ends.push(at + 1)
        next.set(`${reached.unit} ${reached.node}`, reached)
      }
    }
    threads = next
  }
  return ends
}

/** All bytes of all occurrences, overlapping ones joined, each join replaced. */
function naive(secrets: readonly Buffer[], bytes: Buffer): string {
  const chains = secrets.flatMap(chainsOf)
  const spans = Array.from(bytes, (_, start) => ({
    start,
    end: Math.max(0, ...chains.flatMap((chain) => endsOf(chain, bytes, start))),
  })).filter(({ end }) => end > 0)
  let out = ''
  let at = 0
  for (const { start, end } of spans) {
    if (start >= at) out += bytes.toString('latin1', at, start) + MARK
    at = Math.max(at, end)
  }
  return out + bytes.toString('latin1', at)
}

function scrub(matcher: SecretMatcher, chunks: readonly Buffer[]): string {
  const stream = matcher.stream()
  return Buffer.concat([...chunks.map((chunk) => stream.push(chunk)), stream.flush()]).toString('latin1')
}

function chunksOf(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return places.slice(1).map((place, i) => bytes.subarray(places[i]!, place))
}

const compile = (secrets: readonly Buffer[]) =>
  secretMatcher(
    secrets.map((secret) => ({ secret })),
    MARK,
  )

/** Few letters, and those that escapes are made of: overlaps, false beginnings and ambiguities all the time. */
const letter = fc.constantFrom(...'aab%25\\u0&#x6;1/+"')
const secretText = fc.string({ unit: letter, minLength: 4, maxLength: 7 })
const cuts = fc.array(fc.nat(), { maxLength: 6 })

const hex = (code: number): string => code.toString(16).padStart(2, '0')
const spell: readonly ((code: number) => string)[] = [
  (code) => String.fromCharCode(code),
  (code) => `%${hex(code)}`,
  (code) => `%${hex(code).toUpperCase()}`,
  (code) => `%25${hex(code)}`,
  (code) => `\\u00${hex(code)}`,
  (code) => `\\\\u00${hex(code).toUpperCase()}`,
  (code) => `\\x${hex(code)}`,
  (code) => `&#${code};`,
  (code) => `&#0${code}`,
  (code) => `&#x${hex(code)};`,
  (code) => `&amp;#X${hex(code)};`,
]
const mixed = (secret: Buffer, choices: readonly number[]): string =>
  Array.from(secret, (code, i) => spell[(choices[i % choices.length] ?? 0) % spell.length]!(code)).join('')

describe('secretMatcher() against a naive search', () => {
  test('finds the same spans, however the bytes are cut', () => {
    const piece = fc.oneof(
      fc.record({ which: fc.nat(), choices: fc.array(fc.nat(), { minLength: 1 }), keep: fc.nat(40) }),
      fc.string({ unit: letter, maxLength: 4 }),
    )
    fc.assert(
      fc.property(
        fc.array(secretText, { minLength: 1, maxLength: 2 }),
        fc.array(piece, { maxLength: 6 }),
        cuts,
        (...args) => {
          const [texts, pieces, places] = args
          const secrets = texts.map((text) => Buffer.from(text, 'latin1'))
          const written = pieces.map((piece) => {
            if (typeof piece === 'string') return piece
            return mixed(secrets[piece.which % secrets.length]!, piece.choices).slice(0, piece.keep || undefined)
          })
          const bytes = Buffer.from(written.join(''), 'latin1')
          const expected = naive(secrets, bytes)
          const matcher = compile(secrets)
          assert.equal(scrub(matcher, [bytes]), expected)
          assert.equal(scrub(matcher, chunksOf(bytes, places)), expected)
          assert.equal(matcher.text(bytes.toString('latin1')), expected)
        },
      ),
      { numRuns: 3_000 * times },
    )
  })

  test('finds the same in base64, hex and UTF-16 among other such data', () => {
    const encode = [
      (bytes: Buffer) => bytes.toString('base64'),
      (bytes: Buffer) => bytes.toString('base64url'),
      (bytes: Buffer) => bytes.toString('hex'),
      (bytes: Buffer) => Buffer.from(bytes.toString('latin1'), 'utf16le').toString('latin1'),
      (bytes: Buffer) => Buffer.from(bytes.toString('latin1'), 'utf16le').swap16().toString('latin1'),
    ]
    const ascii = fc.uint8Array({ minLength: 4, maxLength: 12, max: 0x7f })
    const secret = fc.oneof(ascii, fc.uint8Array({ minLength: 4, maxLength: 12 }))
    const around = fc.uint8Array({ maxLength: 7 })
    fc.assert(
      fc.property(secret, around, around, fc.constantFrom(...encode), cuts, (value, before, after, encoded, places) => {
        const bytes = Buffer.from(encoded(Buffer.concat([before, value, after])), 'latin1')
        const expected = naive([Buffer.from(value)], bytes)
        if (value.every((byte) => byte < 0x80)) assert.ok(expected.includes(MARK))
        assert.equal(scrub(compile([Buffer.from(value)]), chunksOf(bytes, places)), expected)
      }),
      { numRuns: 2_000 * times },
    )
  })

  test('removes every mixed spelling whole', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 8, maxLength: 40 })
    fc.assert(
      fc.property(text, fc.array(fc.nat(), { minLength: 1, maxLength: 40 }), cuts, (value, choices, places) => {
        const secret = Buffer.from(value)
        const bytes = Buffer.from(`\x01${mixed(secret, choices)}\x02`, 'latin1')
        assert.equal(scrub(compile([secret]), chunksOf(bytes, places)), `\x01${MARK}\x02`)
      }),
      { numRuns: 400 * times },
    )
  })

  test('changes nothing in other text', () => {
    const secret = Buffer.from('sk-5bX9aQ0kLmN2pR7tVwYz')
    const matcher = compile([secret])
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), cuts, (value, places) => {
        const bytes = Buffer.from(value)
        assert.equal(scrub(matcher, chunksOf(bytes, places)), bytes.toString('latin1'))
        assert.equal(matcher.text(value), value)
      }),
      { numRuns: 2_000 * times },
    )
  })
})

describe('secretMatcher() against a hostile upstream', () => {
  const secret = Buffer.from('sk-proj-5bX9aQ0kLmN2pR7tVwYz5bX9aQ0kLmN2pR7t')
  const almost = secret.subarray(0, -1)
  const longest = secret.length * 40
  const every = (write: (code: number) => string) => Array.from(almost, write).join('')
  const texts: readonly [string, Buffer, string][] = [
    ['the beginning of the secret, again and again', secret, almost.toString()],
    ['the same, percent-encoded twice', secret, every((code) => `%25${hex(code)}`)],
    ['the same, in entities with zeros', secret, every((code) => `&#x0000${hex(code)};`)],
    ['the same, spelled in every way', secret, spell.map(every).join('')],
    ['the same, in base64', secret, almost.toString('base64')],
    ['one byte, of a secret of that byte', Buffer.alloc(64, 'a'), 'a'],
    ['one byte, of a secret that begins with it', Buffer.from(`${'a'.repeat(63)}b`), 'a'],
    ['zeros', secret, '\0'],
  ]
  for (const [name, value, repeated] of texts) {
    test(`${name}: a mebibyte is searched, and no more is held than one spelling`, () => {
      const stream = compile([value]).stream()
      const body = Buffer.alloc(1 << 20, repeated)
      let out = 0
      for (let at = 0; at < body.length; at += 1000) {
        out += stream.push(body.subarray(at, at + 1000)).length
        assert.ok(stream.held <= longest, `${stream.held} held`)
      }
      out += stream.flush().length
      assert.equal(out, stream.hits === 0 ? body.length : MARK.length)
    })
  }

  test('more states than are kept: thrown away and made again, with the same result', () => {
    const secrets = Array.from({ length: 30 }, (_, i) =>
      Buffer.from(`${Math.sin(i + 1)}${Math.cos(i + 1)}`.slice(2, 30)),
    )
    const body = Buffer.from(
      Array.from({ length: 1_000 }, (_, i) => {
        const value = secrets[(i * 7) % 30]!
        const cut = 1 + ((i * 13) % (value.length - 1))
        return mixed(value.subarray(0, i % 50 === 0 ? undefined : cut), [i, i * 3, i * 7, i >> 3])
      }).join(''),
      'latin1',
    )
    const whole = scrub(compile(secrets), [body])
    const pieces = Array.from({ length: Math.ceil(body.length / 97) }, (_, i) => body.subarray(i * 97, i * 97 + 97))
    assert.equal(scrub(compile(secrets), pieces), whole)
    assert.ok(whole.split(MARK).length > 20)
  })
})
