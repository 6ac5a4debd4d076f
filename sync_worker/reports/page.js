"use strict";
(() => {
  const facts = JSON.parse(document.getElementById("facts").textContent);

  /* Times in the reader's zone; the title keeps UTC. */
  const shape = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  for (const time of document.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    time.title = time.textContent;
    time.textContent = shape.format(at);
  }
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) document.getElementById("zone").textContent = `; times in ${zone}`;

  /* Headings become buttons, so that the keyboard reaches them; the click is handled by sortable.min.js. */
  for (const heading of document.querySelectorAll("table.sortable thead th")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    button.title = "Sort";
    heading.replaceChildren(button);
  }

  /* Where a chart over time is wider than the screen, its latest end is seen first. */
  for (const box of document.querySelectorAll("figure:not(#chart-channels-by-state) > .scroll")) box.scrollLeft = box.scrollWidth;

  /* A filter for each table: rows that contain all the words. */
  const said = (shown, all) => (shown === all ? `${all} rows` : `${shown} of ${all} rows`);
  for (const listing of document.querySelectorAll("[data-listing]")) {
    const tools = listing.querySelector(".tools");
    const input = tools.querySelector("input");
    const output = tools.querySelector("output");
    const caption = listing.querySelector("caption").textContent;
    input.setAttribute("aria-label", `Filter: ${caption}`);
    const rows = () => [...listing.querySelectorAll("tbody tr")];
    const filter = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows()) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        if (!row.hidden) shown += 1;
      }
      output.textContent = said(shown, rows().length);
    };
    input.addEventListener("input", filter);
    tools.hidden = rows().length < 2;
    output.textContent = said(rows().length, rows().length);
  }

  if (!facts.live) return;

  /* The live part: what is at work, asked for again and again. */
  const list = document.getElementById("work-list");
  const voice = document.getElementById("work-said");
  const news = document.getElementById("news");
  const element = (name, text, kind) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };
  const figure = (number) => number.toLocaleString("en");
  let spoken = "";
  let worked = false;

  const told = (work) =>
    `${figure(work.done)} of ${figure(work.users)}${work.all_users_known ? "" : "+"} users, ${figure(work.failed)} failed, ` +
    `${figure(work.changes)} changes, ${figure(work.refusals)} refused`;

  const line = (work) => {
    const box = element("div", undefined, "work");
    box.append(element("strong", work.instance), work.run ? `, run ${work.run}: ` : ": ", element("span", work.doing), " ");
    const bar = element("progress");
    bar.max = work.users || 1;
    bar.value = work.done;
    bar.setAttribute("aria-label", `Users of ${work.instance} that are read`);
    box.append(bar, " ", element("span", told(work)));
    if (work.waiting) box.append(element("p", work.waiting.why, "faint"));
    return box;
  };

  const speak = (works) => {
    const text = works
      .map((work) => `${work.instance}: ${work.doing}, ${Math.floor((10 * work.done) / (work.users || 1)) * 10} per cent`)
      .join("; ");
    if (text !== spoken) voice.textContent = text || "Nothing is at work";
    spoken = text;
  };

  const offer = (text) => {
    if (!news.hidden && news.dataset.text === text) return;
    news.dataset.text = text;
    const button = element("button", "Reload");
    button.type = "button";
    button.addEventListener("click", () => location.reload());
    news.replaceChildren(text, " ", button);
    news.hidden = false;
  };

  const ended = (status) => {
    const latest = (status.instances || []).map((each) => {
      const run = each.runs.find((one) => one.finished_at);
      return [each.instance, run ? run.id : null, run ? run.status : null];
    });
    return status.instances && JSON.stringify(latest) !== JSON.stringify(facts.latest);
  };

  const show = (status) => {
    const works = status.at_work;
    if (works.length) list.replaceChildren(...works.map(line));
    else list.replaceChildren(element("p", "Nothing is at work.", "empty"));
    if (works.length || worked) speak(works);
    worked = works.length > 0;
    if (ended(status)) offer(facts.latest.length ? "A run has ended: there are new figures." : "The database answers again.");
    else if (status.database !== "ok") offer("The database does not answer.");
    else news.hidden = true;
  };

  const ask = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch("/status.json", { cache: "no-store" });
        show(await answer.json());
      } catch {
        offer("sync-worker does not answer: what stands here may be old.");
      }
    }
    setTimeout(ask, worked ? 1000 : 5000);
  };
  void ask();
})();
