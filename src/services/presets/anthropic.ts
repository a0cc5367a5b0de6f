import { type Preset, thinking } from './preset.ts'

/** Claude API. Clients send `anthropic-version` themselves. */
export const anthropic: Preset = {
  name: 'anthropic',
  title: 'Anthropic Claude API',
  docs: 'https://docs.claude.com/en/api/overview',
  settings: {
    origins: ['https://api.anthropic.com'],
    injection: { kind: 'header', name: 'x-api-key' },
    timeouts: { ...thinking },
  },
  actions: [
    ['messages.create', 'POST', '/v1/messages', 'inference:write'],
    ['messages.count_tokens', 'POST', '/v1/messages/count_tokens', 'inference:write', 'low'],
    ['complete.create', 'POST', '/v1/complete', 'inference:write'],
    ['batches.create', 'POST', '/v1/messages/batches', 'batches:write'],
    ['batches.list', 'GET', '/v1/messages/batches', 'batches:read'],
    ['batches.get', 'GET', '/v1/messages/batches/{message_batch_id}', 'batches:read'],
    ['batches.results', 'GET', '/v1/messages/batches/{message_batch_id}/results', 'batches:read'],
    ['batches.cancel', 'POST', '/v1/messages/batches/{message_batch_id}/cancel', 'batches:write'],
    ['batches.delete', 'DELETE', '/v1/messages/batches/{message_batch_id}', 'batches:delete'],
    ['models.list', 'GET', '/v1/models', 'models:read'],
    ['models.get', 'GET', '/v1/models/{model_id}', 'models:read'],
    ['files.list', 'GET', '/v1/files', 'files:read'],
    ['files.upload', 'POST', '/v1/files', 'files:write'],
    ['files.get', 'GET', '/v1/files/{file_id}', 'files:read'],
    ['files.content', 'GET', '/v1/files/{file_id}/content', 'files:read'],
    ['files.delete', 'DELETE', '/v1/files/{file_id}', 'files:delete'],
    ['organization.read', 'GET', '/v1/organizations/{+path}', 'organization:admin', 'high'],
    ['organization.change', 'POST', '/v1/organizations/{+path}', 'organization:admin', 'high'],
    ['organization.delete', 'DELETE', '/v1/organizations/{+path}', 'organization:admin', 'high'],
  ],
}
