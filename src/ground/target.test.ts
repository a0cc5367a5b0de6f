import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { generatePaths } from '../../test/generators/paths.ts'
import { runSeed } from '../../test/generators/seeded.ts'
import { compileTemplate } from './path-template.ts'
import { Problem } from './problem.ts'
import { canonicalTarget, MAX_TARGET, type Target } from './target.ts'
import type { TargetRule } from './target-problems.ts'

/** The target, or the rule that refused it. Anything else thrown fails the test. */
function read(raw: string): Target | string {
  try {
    return canonicalTarget(raw)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return error.code === 'target_ambiguous' ? String(error.facts.rule) : error.code
  }
}

describe('canonicalTarget()', () => {
  const accepted: readonly [string, readonly string[], Partial<Target>][] = [
    ['/', [''], { query: '', hasQuery: false }],
    ['/a', ['a'], {}],
    ['/a/b/', ['a', 'b', ''], {}],
    ['/a?', ['a'], { query: '', hasQuery: true }],
    ['/a?x=1&y', ['a'], { query: 'x=1&y' }],
    ['/?q=/../x', [''], { query: 'q=/../x' }],
    ["/-._~!$&'()*+,=:@", ["-._~!$&'()*+,=:@"], {}],
    ['/.well-known/a..b/x...', ['.well-known', 'a..b', 'x...'], {}],
    ['/a%20b/%C3%A9%c3%a9', ['a%20b', '%C3%A9%c3%a9'], { decoded: ['a b', 'éé'] }],
    ['/a%3Ab%40', ['a%3Ab%40'], { decoded: ['a:b@'] }],
    ['/g%2Fp/x%2fy', ['g%2Fp', 'x%2fy'], { decoded: ['g%2Fp', 'x%2Fy'], encodedSlash: true }],
    ['/a;v=1', ['a;v=1'], { matrix: true, encodedSlash: false }],
    ['/a%3Bv', ['a%3Bv'], { matrix: true, decoded: ['a;v'] }],
    ['/%F0%9F%94%A5', ['%F0%9F%94%A5'], { decoded: ['🔥'] }],
    ['/a?x=%2561&y=%0A&z[]={}|^`', ['a'], {}],
  ]
  for (const [raw, segments, facts] of accepted) {
    test(`reads ${raw}`, () => {
      const target = canonicalTarget(raw)
      assert.deepEqual(target.segments, segments)
      for (const [name, value] of Object.entries(facts)) assert.deepEqual(target[name as keyof Target], value, name)
      assert.equal(target.path + (target.hasQuery ? `?${target.query}` : ''), raw)
    })
  }

  const refused: readonly [TargetRule, readonly string[]][] = [
    ['form', ['', '*', 'a', 'http://x.example/', '?x', '\\', ' /a', 'x:443']],
    [
      'dot_segment',
      ['/.', '/..', '/a/../b', '/a/./b', '/%2e', '/%2E%2e/x', '/.%2e/', '/a/.../b', '/a%2F..', '/..%2Fa'],
    ],
    ['dot_segment', ['/..;/a', '/a/.;x=1/b', '/..%3B/', '/..%20/a', '/%20../a', '/%EF%BC%8E%EF%BC%8E/', '/%E2%80%A5/']],
    ['empty_segment', ['//', '//a', '/a//b', '/a//', '/a%2F', '/%2Fa', '/a%2F%2fb']],
    ['backslash', ['/a\\b', '/\\', '/a?x=\\']],
    ['fragment', ['/a#b', '/#', '/a?x#y']],
    ['control_byte', ['/a\0', '/a\tb', '/a\r\nb', '/a\x7f', '/a?x=\n', '/a?\x01']],
    ['non_ascii', ['/é', '/a?x=é', '/\u202e', '/．．/', '/\ud800']],
    ['character', ['/a b', '/a"b', '/<x>', '/{x}', '/a|b', '/a[0]', '/a^', '/`', '/a?x= y', '/a?"']],
    ['escape_malformed', ['/%', '/%2', '/%zz', '/a%2', '/%%41', '/a?x=%', '/a?%=1', '/%-1']],
    ['escape_unicode', ['/%u002e', '/%U0041', '/a?x=%u0041']],
    ['escape_unreserved', ['/%41', '/%7E', '/%2D', '/%5F', '/%30', '/a?%61=1', '/a?x=1&%61=2']],
    ['escape_backslash', ['/%5c', '/a%5C..']],
    ['escape_percent', ['/%25', '/%252e%252e/', '/a?%2561=1']],
    ['escape_control', ['/%00', '/%0a', '/%1F', '/%7f', '/a?a%00=1', '/a?%0d=1']],
    ['escape_utf8', ['/%C0%AE', '/%E0%80%AE', '/%FF', '/%C3', '/%C3a', '/%ED%A0%80', '/%F5%80%80%80', '/a?x=%C0%80']],
    ['escape_utf8', ['/%C3/%A9', '/a?x=%C3&y=%A9', '/%F0%80%80%AF']],
    ['lookalike', ['/a%EF%BC%8Fb', '/%EF%BC%BC', '/%E2%88%95x', '/%EF%BC%852e']],
  ]
  for (const [rule, list] of refused) {
    for (const raw of list) test(`refuses ${JSON.stringify(raw)} as ${rule}`, () => assert.equal(read(raw), rule))
  }

  test('takes 8192 bytes and refuses 8193', () => {
    assert.equal(canonicalTarget(`/${'a'.repeat(MAX_TARGET - 1)}`).segments.length, 1)
    assert.equal(read(`/${'a'.repeat(MAX_TARGET)}`), 'target_too_long')
    assert.equal(read('/'.repeat(MAX_TARGET + 1)), 'target_too_long')
  })

  test('keeps the query as a raw list, in order, nothing merged', () => {
    const { pairs } = canonicalTarget('/?b=1&a=x+y%26&&a&=v')
    assert.deepEqual(
      pairs.map((pair) => [pair.rawName, pair.name, pair.value, pair.raw]),
      [
        ['b', 'b', '1', 'b=1'],
        ['a', 'a', 'x y&', 'a=x+y%26'],
        ['a', 'a', '', 'a'],
        ['', '', 'v', '=v'],
      ],
    )
  })

  test('whatever it accepts, WHATWG URL reads the same path and query', () => {
    const piece = fc.constantFrom(...'abz09.-_~:@/%;?&=+,!$', '%2', '%2F', '%C3%A9', '..', '%2e', '//', '\\', '#', ' ')
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const raw = `/${pieces.join('')}`
        const target = read(raw)
        if (typeof target === 'string') return
        const url = new URL(`https://h.example${raw}`)
        assert.equal(url.host, 'h.example')
        assert.equal(url.pathname, target.path)
        assert.equal(url.search, target.query === '' ? '' : `?${target.query}`)
      }),
      { numRuns: process.env.PROVING === '1' ? 200_000 : 10_000 },
    )
  })
})

describe('a target under /v1/public/{+rest}', () => {
  /** What the most obliging upstream makes of a path: decodes until nothing changes, overlong and %u forms too. */
  function obliging(path: string): string {
    let text = path
    for (let round = 0; round < 4; round++) {
      text = text
        .replace(/%u([0-9a-f]{4})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
        .replace(/%(?:c0|e0%80|f0%80%80|f8%80%80%80)%([0-9a-f]{2})/gi, (_, hex) =>
          String.fromCharCode(Number.parseInt(hex, 16) & 0x3f),
        )
        .replace(/%c1%9c/gi, '\\')
        .replace(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'))
        .normalize('NFKC')
    }
    const out: string[] = []
    for (const one of text.split(/[/\\\u2215\u2216\u2044]/)) {
      const segment = one.replace(/[;\0].*$/s, '').trim()
      if (/^\.{2,}$/.test(segment)) out.pop()
      else if (segment !== '' && segment !== '.') out.push(segment)
    }
    return `/${out.join('/')}`
  }

  test('does not leave it by any of 10,000 traversals, even at an obliging upstream', () => {
    const template = compileTemplate('/v1/public/{+rest}')
    const seed = runSeed('traversals')
    const tried = generatePaths({ seed, count: process.env.PROVING === '1' ? 100_000 : 12_000 })
    assert.ok(tried.length >= 10_000)
    for (const { path: raw } of tried) {
      const target = read(raw)
      if (typeof target === 'string' || !template.matches(target)) continue
      assert.match(`${obliging(target.path)}/`, /^\/v1\/public\/[^/]/, `seed ${seed}: ${raw}`)
    }
    for (const raw of ['/v1/public/a', '/v1/public/..a/...b/c..']) assert.ok(template.matches(canonicalTarget(raw)))
  })

  test('the self-test: a template over unchecked segments would be left', () => {
    const left = generatePaths({ seed: 1, count: 10_000 }).filter(
      ({ path }) => !obliging(path).startsWith('/v1/public/'),
    )
    assert.ok(left.length > 5_000)
  })
})

describe('the corpus of URLs as targets', () => {
  interface Case {
    readonly input: string
    readonly base: string | null
  }
  const folder = new URL('../../test/corpora/wpt-url/', import.meta.url)
  const load = (name: string): Case[] =>
    (JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as (Case | string)[]).filter(
      (one) => typeof one !== 'string',
    )

  const inputs = [
    ...load('urltestdata.json').flatMap(({ input, base }) => [input, ...(base === null ? [] : [base])]),
    ...load('toascii.json').map(({ input }) => input),
    ...load('IdnaTestV2.json').map(({ input }) => input),
  ].flatMap((input) => [input, `/${input}`, `https://${input}/x`, `//${input}`, `/${input}/../`, `/\\${input}`])

  test('each is refused, or stays on the host and keeps its bytes', () => {
    assert.ok(inputs.length > 3 * 3_600)
    for (const raw of inputs) {
      const target = read(raw)
      if (typeof target === 'string') continue
      const url = new URL(`https://policy.example${raw}`)
      assert.equal(url.host, 'policy.example', raw)
      assert.equal(url.pathname, target.path, raw)
      assert.equal(target.path + (target.hasQuery ? `?${target.query}` : ''), raw)
    }
  })
})
