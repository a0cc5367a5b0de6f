import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { canonicalTarget } from '../ground/target.ts'
import { Words } from './words.ts'

const METHODS = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE']
const at = canonicalTarget('/repos/o/r')
const allowed = (words: Words, word: string, target = at) =>
  METHODS.filter((method) => words.allow(word, method, target)).join(' ')

describe('Words', () => {
  test('mean what the contract says, and an unknown word only reads', () => {
    const words = new Words(undefined)
    for (const word of ['read', 'list', 'get', 'deploy', 'constructor']) assert.equal(allowed(words, word), 'GET HEAD')
    for (const word of ['write', 'create', 'update', 'post', 'send']) {
      assert.equal(allowed(words, word), 'GET HEAD POST PUT PATCH')
    }
    assert.equal(allowed(words, 'delete'), 'GET HEAD DELETE')
    for (const word of ['admin', '*']) assert.equal(allowed(words, word), METHODS.join(' '))
    for (const word of ['admin', '*']) assert.equal(words.allow(word, 'TRACE', at), false)
  })

  test("the operator's map replaces a word, with methods and paths, and leaves the others", () => {
    const words = new Words({
      deploy: [{ methods: ['POST'], paths: ['/repos/{owner}/{repo}/deployments'] }, { methods: ['GET'] }],
      '*': [{ methods: ['GET'] }],
    })
    assert.equal(allowed(words, 'deploy'), 'GET')
    assert.equal(allowed(words, 'deploy', canonicalTarget('/repos/o/r/deployments')), 'GET POST')
    assert.equal(allowed(words, '*'), 'GET')
    assert.equal(allowed(words, 'write'), 'GET HEAD POST PUT PATCH')
  })
})
