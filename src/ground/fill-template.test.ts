import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fillTemplate, type Parameters } from './fill-template.ts'
import { compileTemplate } from './path-template.ts'
import { canonicalTarget } from './target.ts'

const fill = (template: string, given: Parameters) => fillTemplate(compileTemplate(template), given)

describe('fillTemplate()', () => {
  const good: readonly [string, Parameters, string][] = [
    ['/repos/{owner}/{repo}', { owner: 'octo', repo: 'a.b-c_d' }, '/repos/octo/a.b-c_d'],
    ['/issues/{number}', { number: 7 }, '/issues/7'],
    ['/contents/{+path:encoded}', { path: 'src/a b/ü.ts' }, '/contents/src/a%20b/%C3%BC.ts'],
    ['/branches/{+branch}/protection', { branch: 'feature/my-branch' }, '/branches/feature/my-branch/protection'],
    ['/projects/{id:encoded}', { id: 'group/project' }, '/projects/group%2Fproject'],
    ['/models/{model}:predict', { model: 'gemini-3' }, '/models/gemini-3:predict'],
    ['/users/@me/{what}', { what: 'x@y+z:1' }, '/users/@me/x%40y%2Bz%3A1'],
    ['/v2/{id:matrix}', { id: 'a;b=1' }, '/v2/a%3Bb%3D1'],
    ['/compare/{base}...{head}', { base: 'main', head: 'v1.2' }, '/compare/main...v1.2'],
    ['/{+path}-{version}.js', { path: 'a/b', version: 2 }, '/a/b-2.js'],
    ['/files/{name}', { name: '..a' }, '/files/..a'],
  ]
  for (const [template, given, path] of good) {
    test(`makes ${path}`, () => {
      const made = fill(template, given)
      assert.equal(made.path, path)
      assert.ok(compileTemplate(template).matches(canonicalTarget(path)))
      assert.deepEqual(made.rest, {})
    })
  }

  test('gives back the parameters that the path does not want', () => {
    const { rest } = fill('/repos/{owner}', { owner: 'o', page: 2, filter: { a: [1] } })
    assert.deepEqual(rest, { page: 2, filter: { a: [1] } })
  })

  const refused: readonly [string, string, string, Parameters][] = [
    ['that is not there', 'parameter_missing', '/a/{b}', {}],
    ['of null', 'parameter_missing', '/a/{b}', { b: null }],
    ['that only the prototype has', 'parameter_missing', '/a/{toString}', {}],
    ['of nothing', 'parameter_invalid', '/a/{b}', { b: '' }],
    ['that is a list', 'parameter_invalid', '/a/{b}', { b: ['x'] }],
    ['that is yes or no', 'parameter_invalid', '/a/{b}', { b: true }],
    ['of one dot', 'parameter_invalid', '/a/{b}', { b: '.' }],
    ['of two dots', 'parameter_invalid', '/a/{b}', { b: '..' }],
    ['of wide dots', 'parameter_invalid', '/a/{b}', { b: '\uff0e\uff0e' }],
    ['of the two-dot character', 'parameter_invalid', '/a/{b}', { b: '\u2025' }],
    ['with a slash in one segment', 'parameter_invalid', '/a/{b}', { b: 'x/y' }],
    ['with an encoded slash', 'parameter_invalid', '/a/{b}', { b: 'x%2Fy' }],
    ['with an encoded slash in several', 'parameter_invalid', '/a/{+b:encoded}', { b: 'x%2fy' }],
    ['with a slash behind several', 'parameter_invalid', '/{+a}-{b}', { a: 'x/y', b: 'z/w' }],
    ['that is the second of a segment and missing', 'parameter_missing', '/{a}-{b}', { a: 'x' }],
    ['that climbs in several', 'parameter_invalid', '/a/{+b}', { b: 'x/../y' }],
    ['that climbs in an opened segment', 'parameter_invalid', '/a/{b:encoded}', { b: '../y' }],
    ['with an empty segment', 'parameter_invalid', '/a/{+b}', { b: 'x//y' }],
    ['that begins with a slash', 'parameter_invalid', '/a/{+b}', { b: '/x' }],
    ['with a line break', 'parameter_invalid', '/a/{b}', { b: 'x\r\ny' }],
    ['with a NUL', 'parameter_invalid', '/a/{b}', { b: 'x\u0000' }],
    ['with DEL', 'parameter_invalid', '/a/{b}', { b: 'x\u007f' }],
    ['with a backslash', 'parameter_invalid', '/a/{b}', { b: 'x\\y' }],
    ['with a semicolon that was not opened', 'parameter_invalid', '/a/{b}', { b: 'x;y' }],
    ['with half a character', 'parameter_invalid', '/a/{b}', { b: '\ud800' }],
  ]
  for (const [what, code, template, given] of refused) {
    test(`refuses a value ${what}`, () => assert.throws(() => fill(template, given), { code }))
  }

  test('makes a query of a question mark and of a number sign in no value', () => {
    assert.equal(fill('/a/{b}', { b: 'x?y#z&w' }).path, '/a/x%3Fy%23z%26w')
  })
})
