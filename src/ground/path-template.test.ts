import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { compileTemplate } from './path-template.ts'
import { canonicalTarget } from './target.ts'
import { templateContains, templatesOverlap } from './template-overlap.ts'

describe('compileTemplate()', () => {
  const table: readonly [string, readonly string[], readonly string[]][] = [
    ['/', ['/', '/?x'], ['/a', '/a/']],
    ['/a', ['/a', '/a?x=1'], ['/', '/a/', '/A', '/a/b', '/aa']],
    ['/a/', ['/a/'], ['/a', '/a/b']],
    ['/a/{x}', ['/a/b', '/a/b%20c', '/a/..b'], ['/a', '/a/', '/a/b/', '/a/b/c', '/a/b%2Fc', '/a/b;c', '/a/b%3Bc']],
    ['/{+x}', ['/a', '/a/', '/a/b/c'], ['/', '/a%2Fb', '/a;b']],
    ['/a/{+x}', ['/a/b', '/a/b/', '/a/b/c/d'], ['/a', '/a/', '/b/a', '/a/b%2Fc', '/a/b/c;d']],
    ['/a/{+x}/end', ['/a/b/end', '/a/b/c/end', '/a/end/end'], ['/a/end', '/a/b', '/a/b/end/', '/a/b/end/x']],
    ['/a/{+x}/', ['/a/b/', '/a/b/c/'], ['/a/', '/a/b']],
    ['/p/{id:encoded}', ['/p/a', '/p/a%2Fb', '/p/a%2fb'], ['/p/a/b', '/p/a;b', '/p/a%2Fb/c']],
    ['/p/{id:matrix}', ['/p/a', '/p/a;v=1', '/p/a%3Bv'], ['/p/a%2Fb', '/p/a/b']],
    ['/p/{id:encoded,matrix}', ['/p/a%2Fb;v'], ['/p/a/b;v']],
    ['/p/{+r:encoded}', ['/p/a/b%2Fc/d', '/p/a%2Fb/'], ['/p/', '/p/a;b']],
    ['/p/{id:encoded}/{x}', ['/p/a%2Fb/c'], ['/p/a/b%2Fc', '/p/a%2Fb/c%2Fd']],
    ['/a;b/c', ['/a;b/c', '/a%3Bb/c'], ['/a/c', '/a;c/c']],
    ['/a%2Fb', ['/a%2Fb', '/a%2fb'], ['/a/b']],
    ['/m/{m}:run', ['/m/x:run', '/m/x%3Arun', '/m/x:y:run'], ['/m/:run', '/m/x:runs', '/m/run', '/m/x/:run']],
    ['/v{n}/x', ['/v1/x', '/v12/x'], ['/v/x', '/w1/x']],
    ['/c/{a}...{b}', ['/c/x...y', '/c/x....y'], ['/c/x', '/c/x...', '/c/...y', '/c/x..y', '/c/x...y/z']],
    ['/{a}:{b}', ['/x:y', '/x:y:z', '/x%3Ay', '/:::'], ['/xy', '/:y', '/x:', '/::', '/x:y;z', '/x:y%2Fz']],
    ['/v{a}-{b}-{c}.js', ['/v1-2-3.js', '/v-----.js'], ['/v1-2.js', '/v1-23.js', '/v--.js', '/v1-2-.js', '/1-2-3.js']],
    ['/{+p}-{v}', ['/a-1', '/a/b-1', '/a-b/c-1'], ['/a/b', '/a-1/b', '/a-1/', '/a/-1']],
    ['/{+n}:run', ['/a:run', '/a/b:run', '/a:run/b:run'], ['/a', '/:run', '/a/:run', '/a:run/', '/a:run/b']],
    ['/a%3Ab', ['/a:b', '/a%3ab', '/a%3Ab'], ['/ab']],
    ['/caf%C3%A9', ['/caf%c3%a9', '/caf%C3%A9'], ['/cafe']],
  ]
  for (const [text, yes, no] of table) {
    const template = compileTemplate(text)
    for (const path of yes) test(`${text} matches ${path}`, () => assert.ok(template.matches(canonicalTarget(path))))
    for (const path of no)
      test(`${text} does not match ${path}`, () => assert.ok(!template.matches(canonicalTarget(path))))
  }

  const refused = ['', 'a', '/{', '/}', '/{}', '/{a', '/a//b', '//', '/{x}{y}', '/{+a}/{+b}', '/{a}/{a}', '/..', '/.']
  const alsoRefused = ['/%2e', '/?x', '/a?b', '/{a:foo}', '/{a:}', '/{a:encoded,encoded,matrix}', '/x{+a}', '/{a};b']
  const further = [
    '/{a}%2Fb',
    '/{a}-{+b}',
    '/{a}-{a}',
    '/{a:encoded}-{b}',
    '/{a}-{b:encoded}',
    '/{a}-{b',
    '/é',
    '/a#b',
    '/{1a}',
    '/{a b}',
    '/a b',
    '/a\\b',
    '/%zz',
    '/{a/b}',
    '/%C0%AE',
    '/a\0',
  ]
  for (const text of [...refused, ...alsoRefused, ...further, `/${'a'.repeat(1024)}`]) {
    test(`refuses ${JSON.stringify(text.slice(0, 40))}`, () => {
      assert.throws(() => compileTemplate(text), { code: 'template_invalid' })
    })
  }

  test('resembles what a lenient upstream takes for the same path', () => {
    const template = compileTemplate('/Repos/{owner}/keys')
    assert.ok(compileTemplate('/{a}To{b}').resembles(canonicalTarget('/xtOy')))
    assert.ok(!compileTemplate('/{a}To{b}').resembles(canonicalTarget('/xto')))
    for (const path of ['/Repos/a/keys', '/repos/A/KEYS', '/repos/a/keys/', '/REPOS/a%2Fb/keys']) {
      assert.ok(template.resembles(canonicalTarget(path)), path)
    }
    for (const path of ['/repos/a', '/repos/keys/', '/repos/a/keys/b']) {
      assert.ok(!template.resembles(canonicalTarget(path)), path)
    }
  })

  test('puts the more specific of two that match one target first', () => {
    const order = [
      '/a/b/c',
      '/a/b/{x}',
      '/a/{x}/c',
      '/a/{x}.json',
      '/a/{x}',
      '/a/{x:encoded}',
      '/a/{+x}/c',
      '/a/{+x}',
      '/{+x}',
    ]
    const sorted = order.map(compileTemplate).sort((left, right) => (left.specificity > right.specificity ? -1 : 1))
    assert.deepEqual(
      sorted.map(({ text }) => text),
      ['/a/b/c', '/a/b/{x}', '/a/{x}.json', '/a/{x}/c', '/a/{x}', '/a/{x:encoded}', '/a/{+x}/c', '/a/{+x}', '/{+x}'],
    )
  })
})

describe('templates as sets', () => {
  const relations: readonly [string, string, 'apart' | 'overlap' | 'contains'][] = [
    ['/a', '/b', 'apart'],
    ['/a', '/a/', 'apart'],
    ['/a/{x}', '/a/b', 'contains'],
    ['/a/{x}', '/a/{y}', 'contains'],
    ['/a/{x}/c', '/a/b/{y}', 'overlap'],
    ['/a/{x}', '/a/b/c', 'apart'],
    ['/{+x}', '/', 'apart'],
    ['/{+x}', '/a', 'contains'],
    ['/{+x}', '/a/', 'contains'],
    ['/{+x}', '/a/{b}/c/{+d}', 'contains'],
    ['/{+x}', '/{a:encoded}', 'overlap'],
    ['/{+x:encoded}', '/{a:encoded}', 'contains'],
    ['/{x}', '/{+x}', 'overlap'],
    ['/{+x}/c', '/a/{+y}', 'overlap'],
    ['/{x}:run', '/{x}:walk', 'apart'],
    ['/{x}n', '/{x}:run', 'contains'],
    ['/{+x}:run', '/a/{y}:run', 'contains'],
    ['/{+x}:run', '/a/{y}', 'overlap'],
    ['/{+x}', '/{+y}:run', 'contains'],
    ['/{+x}/{y}', '/{a}/{+b}', 'overlap'],
    ['/{x}', '/{a}-{b}', 'contains'],
    ['/{a}-{b}', '/{x}', 'overlap'],
    ['/{a}-{b}', '/x-y', 'contains'],
    ['/{a}-{b}', '/x', 'apart'],
    ['/{a}-{b}', '/{a}-{b}-{c}', 'contains'],
    ['/{a}-{b}', '/{a}:{b}', 'overlap'],
    ['/{a}-{b}.js', '/x{a}-{b}.min.js', 'contains'],
    ['/{+a}-{b}', '/x/{a}-{b}', 'contains'],
    ['/{+a}-{b}', '/x/{a}', 'overlap'],
  ]
  for (const [left, right, relation] of relations) {
    test(`${left} and ${right}: ${relation}`, () => {
      const [one, two] = [compileTemplate(left), compileTemplate(right)]
      assert.equal(templatesOverlap(one, two), relation !== 'apart')
      assert.equal(templatesOverlap(two, one), relation !== 'apart')
      assert.equal(templateContains(one, two), relation === 'contains')
    })
  }

  const segment = fc.constantFrom('a', 'b', '{x}', 'a{x}', '{x}b', '{x:encoded}', '{x}b{y}', '{x}b{y}b{z}', 'a{x}b{y}')
  const templates = fc
    .tuple(
      fc.array(segment, { maxLength: 2 }),
      fc.constantFrom('', '{+r}', '{+r}b', '{+r:encoded}', '{+r}b{s}'),
      fc.array(segment, { maxLength: 2 }),
      fc.boolean(),
    )
    .map(([before, several, after, slash]) => {
      const list = [...before, ...(several === '' ? [] : [several]), ...after].map((one, at) =>
        one.replace(/[xyz]/g, (name) => `${name}${at}`),
      )
      return compileTemplate(`/${list.join('/')}${slash && list.length > 0 ? '/' : ''}`)
    })
  const paths = fc
    .tuple(
      fc.array(fc.constantFrom('a', 'b', 'ab', 'bb', 'abb', 'abab', 'bbbbb', 'cbc', 'a%2Fb', 'c'), { maxLength: 5 }),
      fc.boolean(),
    )
    .map(([list, slash]) => canonicalTarget(`/${list.join('/')}${slash && list.length > 0 ? '/' : ''}`))
  const runs = { numRuns: process.env.PROVING === '1' ? 500_000 : 30_000 }

  test('never misses an overlap, never claims a containment that a path disproves', () => {
    fc.assert(
      fc.property(templates, templates, paths, (one, two, path) => {
        const [inOne, inTwo] = [one.matches(path), two.matches(path)]
        if (inOne && inTwo) assert.ok(templatesOverlap(one, two), `${one.text} ${two.text} ${path.path}`)
        if (inTwo && !inOne) assert.ok(!templateContains(one, two), `${one.text} ${two.text} ${path.path}`)
      }),
      runs,
    )
  })

  test('matches what a regular expression made of the template matches', () => {
    fc.assert(
      fc.property(templates, paths, (template, path) => {
        const source = template.segments.map(({ kind, prefix, between, suffix, encoded }) => {
          const char = encoded ? '[^/]' : '(?:(?!%2F)[^/])'
          if (kind === 'literal') return prefix
          const rest = `${between.map((fixed) => `${fixed}${char}+`).join('')}${suffix}`
          if (kind === 'variable') return `${prefix}${char}+${rest}`
          return `(?:${char}+/)*${char}+${rest}`
        })
        const last = template.segments.at(-1)!
        const tail = last.kind === 'several' && last.suffix === '' && last.between.length === 0 ? '/?' : ''
        assert.equal(template.matches(path), new RegExp(`^/${source.join('/')}${tail}$`).test(path.path), template.text)
      }),
      runs,
    )
  })
})
