import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { nearestService } from './nearest-service.ts'

describe('nearestService()', () => {
  test('takes the nearest known name on the path, and never the key itself', () => {
    const cases: readonly [path: string[], service: string][] = [
      [['OPENAI_API_KEY'], 'openai'],
      [['models', 'providers', 'anthropic', 'apiKey'], 'anthropic'],
      [['channels', 'slack', 'accounts', 'github', 'token'], 'github'],
      [['GITHUB_TOKEN_FOR_SLACK'], 'github'],
      [['openAi', 'secret'], 'openai'],
      [['HUGGING_FACE_TOKEN'], 'huggingface'],
      [['GH_TOKEN'], 'github'],
      [['X_API_KEY'], 'twitter'],
      [['API_KEY_X'], 'unknown'],
      [['plugins', 'entries', 'brave', 'config', 'webSearch', 'apiKey'], 'brave'],
      [['machine', 'api.github.com', 'password'], 'github'],
      [['services', 'mine', 'token'], 'unknown'],
      [['TOKEN'], 'unknown'],
      [[], 'unknown'],
      [['todo', 'token'], 'unknown'],
    ]
    for (const [path, service] of cases) assert.equal(nearestService(path), service, path.join('.'))
  })

  test('knows the services that are there before its own names', () => {
    const there = new Set(['tickets', 'github-work'])
    assert.equal(nearestService(['TICKETS_TOKEN'], there), 'tickets')
    assert.equal(nearestService(['GITHUB_WORK_TOKEN'], there), 'github-work')
    assert.equal(nearestService(['GITHUB_TOKEN'], there), 'github')
  })
})
