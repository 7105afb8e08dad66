import os from 'node:os';

/** Collects the results of a suite: a table for people, or one JSON object a line for programs if `--json` is given. */
export function createReport(suite, { json = process.argv.includes('--json'), out = process.stdout } = {}) {
  const line = (text) => out.write(`${text}\n`);
  const targets = [];
  // Other load: on a busy machine the same instructions take twice the time, for every variant.
  const load = () => Number(os.loadavg()[0].toFixed(2));

  if (json) {
    const [cpu] = os.cpus();
    line(
      JSON.stringify({
        suite,
        type: 'machine',
        node: process.version,
        cpus: os.cpus().length,
        cpu: cpu?.model,
        load: load(),
      }),
    );
  } else line(`${suite}: Node ${process.version}, ${os.cpus().length} × ${os.cpus()[0]?.model}, load ${load()}`);

  return {
    /** Progress of a long run; on stderr, so that it spoils neither table nor JSON. */
    progress(text) {
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
    },

    /** `columns`: `[heading, (row) => text]`. In JSON each row is an object of its own. */
    table(title, columns, rows) {
      if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
      if (json) {
        for (const row of rows) line(JSON.stringify({ suite, type: 'row', table: title, ...row }));
        return;
      }
      const cells = [columns.map(([heading]) => heading), ...rows.map((row) => columns.map(([, read]) => read(row)))];
      const widths = columns.map((_, column) => Math.max(...cells.map((row) => row[column].length)));
      line(`\n${title}`);
      for (const row of cells) {
        line(
          row
            .map((text, column) => (column === 0 ? text.padEnd(widths[0]) : text.padStart(widths[column])))
            .join('  ')
            .trimEnd(),
        );
      }
    },

    /** A figure with a target of its own. Targets are reported, never a reason to fail: machines differ. */
    target(name, { value, unit, bound, met }) {
      targets.push({ name, value, unit, bound, met });
      if (json) line(JSON.stringify({ suite, type: 'target', name, value, unit, bound, met }));
    },

    end() {
      if (json) {
        line(JSON.stringify({ suite, type: 'end', load: load() }));
        return;
      }
      line(`\nTargets (load at the end: ${load()})`);
      for (const { name, value, unit, bound, met } of targets) {
        line(`${met ? 'met   ' : 'MISSED'}  ${name}: ${value} ${unit} (target: ${bound})`);
      }
    },
  };
}

/** Three significant digits, and no more decimals than that takes. */
export function figure(value) {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
