// Loaded by a worker thread, which answers for the passphrase in its `workerData`; by itself it only exports the estimate.
import { parentPort, workerData } from 'node:worker_threads'
import { ZxcvbnFactory } from '@zxcvbn-ts/core'
import { adjacencyGraphs, dictionary } from '@zxcvbn-ts/language-common'

/** The estimator's time grows faster than the text; what stands this far is strong enough. */
const MAX_CHARACTERS = 128
const OWN_WORDS = ['claviger', 'vault', 'passphrase', 'operator', 'gateway', 'credential']

const estimator = new ZxcvbnFactory({ dictionary: { ...dictionary }, graphs: adjacencyGraphs })

/** log10 of the guesses that somebody needs who knows common passwords, words, dates, keyboards and our own words. */
export function estimateGuesses(passphrase: string): number {
  return estimator.check(passphrase.slice(0, MAX_CHARACTERS), OWN_WORDS).guessesLog10
}

parentPort?.postMessage(estimateGuesses(String(workerData)))
