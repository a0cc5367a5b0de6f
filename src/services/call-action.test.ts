import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Parameters } from '../ground/fill-template.ts'
import { service } from './services.support.ts'

const github = service({ name: 'github', template: 'github', origins: undefined })
const own = service({
  actions: {
    'one.get': { method: 'GET', path: '/things/{id}' },
    'special.get': { method: 'GET', path: '/things/special', scopes: ['s:special:admin'] },
    'list.closed': { method: 'GET', path: '/things', query: { state: 'closed' } },
    'thing.put': { method: 'POST', path: '/things/{id}', query: { mode: ['a', 'b'] }, headers: { 'x-version': '2' } },
  },
})

describe('callOf()', () => {
  const good: readonly [string, Parameters, string][] = [
    ['repo.get', { owner: 'o', repo: 'r' }, 'GET /repos/o/r'],
    [
      'contents.get',
      { owner: 'o', repo: 'r', path: 'a/b c.md', ref: 'x/y' },
      'GET /repos/o/r/contents/a/b%20c.md?ref=x%2Fy',
    ],
    [
      'refs.get',
      { owner: 'o', repo: 'r', branch: 'feature/my-branch' },
      'GET /repos/o/r/git/ref/heads/feature/my-branch',
    ],
    [
      'repos.list',
      { type: 'all', page: 2, archived: false, ids: [1, 2] },
      'GET /user/repos?type=all&page=2&archived=false&ids=1&ids=2',
    ],
  ]
  for (const [name, given, line] of good) {
    test(`makes ${line}`, () => {
      const { method, target, body } = github.callOf(name, given)
      assert.deepEqual([`${method} ${target}`, body], [line, undefined])
    })
  }

  test('puts into the body of a POST what the path does not want', () => {
    const made = github.callOf('issues.create', { owner: 'o', repo: 'r', title: 't', labels: ['a', { name: 'b' }] })
    assert.equal(made.target, '/repos/o/r/issues')
    assert.deepEqual(made.body, { title: 't', labels: ['a', { name: 'b' }] })
  })

  test('adds the one value that a query key may have, and the headers of the action', () => {
    assert.equal(own.callOf('list.closed', {}).target, '/things?state=closed')
    const made = own.callOf('thing.put', { id: 7, mode: 'a', more: 1 })
    assert.deepEqual([made.target, made.headers, made.body], ['/things/7?mode=a', { 'x-version': '2' }, { more: 1 }])
  })

  const refused: readonly [string, string, string, Parameters][] = [
    ['an action that is not there', 'action_unknown', 'nope', {}],
    ['a name that only the prototype has', 'action_unknown', 'constructor', {}],
    ['a parameter that makes another action of it', 'action_other', 'one.get', { id: 'special' }],
    ['a query value that is not of the action', 'action_other', 'thing.put', { id: 'x', mode: 'c' }],
    ['a nested value in the query', 'parameter_invalid', 'one.get', { id: 'x', filter: { a: 1 } }],
    ['a path that climbs', 'parameter_invalid', 'one.get', { id: '..' }],
    ['a missing parameter', 'parameter_missing', 'one.get', { name: 'x' }],
  ]
  for (const [what, code, action, given] of refused) {
    test(`refuses ${what}`, () => assert.throws(() => own.callOf(action, given), { code }))
  }
})
