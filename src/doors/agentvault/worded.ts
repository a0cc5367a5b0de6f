import { Problem } from '../../ground/problem.ts'
import { refused } from './refusal.ts'

/** What the house will not have described like that. */
export async function worded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    if (error.code === 'service_exists') throw refused('SERVICE_ALREADY_EXISTS')
    if (error.code.startsWith('origin_')) throw refused('BASEURL_INVALID')
    if (error.code === 'service_unknown') throw refused('UNKNOWN_SERVICE')
    const { action } = error.facts
    const shape = error.status === 422
    if (shape && action !== undefined) throw refused(`ENDPOINT_INVALID:${action}`)
    throw shape ? refused(`SERVICE_REFUSED:${error.code}`) : error
  }
}
