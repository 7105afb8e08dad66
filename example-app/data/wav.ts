/** Samples a second, as on telephone lines. */
const SAMPLE_RATE = 8000;
const HEADER_BYTES = 44;
/** The middle of an unsigned 8-bit sample: silence. */
const SILENCE = 128;

/** A tone, or a pause. */
export interface Sound {
  /** Hertz; 0 for silence. */
  readonly frequency: number;
  readonly milliseconds: number;
}

/** A RIFF/WAVE file: one channel of 8-bit PCM. */
export function writeWav(sounds: readonly Sound[]): Buffer {
  const lengths = sounds.map((sound) => Math.round((sound.milliseconds / 1000) * SAMPLE_RATE));
  const total = lengths.reduce((sum, length) => sum + length, 0);
  // RIFF chunks have an even length; the padding byte does not count.
  const file = Buffer.alloc(HEADER_BYTES + total + (total % 2), SILENCE);
  file.write('RIFF', 0, 'latin1');
  file.writeUInt32LE(file.length - 8, 4);
  file.write('WAVEfmt ', 8, 'latin1');
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(SAMPLE_RATE, 24);
  file.writeUInt32LE(SAMPLE_RATE, 28);
  file.writeUInt16LE(1, 32);
  file.writeUInt16LE(8, 34);
  file.write('data', 36, 'latin1');
  file.writeUInt32LE(total, 40);

  let offset = HEADER_BYTES;
  for (const [index, sound] of sounds.entries()) {
    const length = lengths[index] ?? 0;
    for (let sample = 0; sample < length && sound.frequency > 0; sample += 1) {
      file[offset + sample] =
        SILENCE + Math.round(90 * Math.sin((2 * Math.PI * sound.frequency * sample) / SAMPLE_RATE));
    }
    offset += length;
  }
  return file;
}
