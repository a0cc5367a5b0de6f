// config.json of docker: logins to registries, as base64 of name and password, and identity tokens.
import { Secret } from '../../ground/secret.ts'
import { type Findings, type Found, lineAt } from './found.ts'
import { parseJson5, stringsIn } from './json-values.ts'
import type { Source } from './read-source.ts'

const members = new Set(['auth', 'identitytoken', 'registrytoken', 'password'])

/** They are told and stay: docker speaks with registries itself, and knows helpers but no references. */
export async function findInDocker(source: Source): Promise<Findings> {
  const strings = stringsIn(await parseJson5(source))
  const found = strings.flatMap(({ path, value, start }): Found[] => {
    const [auths, registry, member = ''] = path
    if (auths !== 'auths' || registry === undefined || !members.has(member) || value.length < 8) return []
    const stays = 'docker logs in to registries itself; a credential helper (credsStore) takes it out of the file'
    const line = lineAt(source.text, start)
    return [{ source, place: `${registry} ${member}`, line, secret: Secret.fromText(value), service: 'docker', stays }]
  })
  return { found, remarks: [] }
}
