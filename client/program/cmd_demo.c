/* studio-client demo: the five demo actions, step by step. Ends with maintenance off and SDP on
 * calibration. */
#include <stdio.h>
#include <stdlib.h>

#include "program.h"
#include "shown.h"

static const struct step {
    const char *title; /* begins an action; NULL goes on with it */
    const char *json;
} steps[] = {
    {"Service updates", "{\"sdp\":\"up\"}"},
    {NULL, "{\"idp\":\"up\"}"},
    {"Device updates", "{\"broker\":\"up\"}"},
    {NULL, "{\"zcam\":\"up\"}"},
    {NULL, "{\"roulette\":\"up\"}"},
    {"Several at once",
     "{\"shaker\":\"up\",\"barcode_scanner\":\"up\",\"nfc_scanner\":\"up\",\"roulette\":\"down\"}"},
    {"Maintenance on and off", "{\"maintenance\":true}"},
    {NULL, "{\"maintenance\":false}"},
    {"Calibration", "{\"sdp\":\"calibration\"}"},
};
enum { STEPS = sizeof(steps) / sizeof(steps[0]), ACTIONS = 5 };

/* One step; what is sent and what is answered is shown as it goes over the wire. */
static enum studio_err run_step(struct studio_client *client, const struct step *step,
                                struct studio_error *error)
{
    char *answer;

    printf("  -> %s\n", step->json);
    fflush(stdout);
    enum studio_err err = studio_client_send_json(client, step->json, &answer, error);
    if (answer != NULL) {
        fputs("  <- ", stdout);
        shown_puts(answer);
    }
    fflush(stdout);
    free(answer);
    return err;
}

static enum studio_err show_end(const struct program *program, struct studio_client *client,
                                struct studio_error *error)
{
    char *document;
    enum studio_err err =
        program_status(program, client, program->options.table_id, &document, error);

    if (err == STUDIO_OK) {
        fputs("The status now:\n  ", stdout);
        shown_puts(document);
    }
    free(document);
    return err;
}

/* It is what happens without a command, so it says first what it will do to a table. */
static bool agreed(const struct program *program)
{
    printf("The demo sets every field of table %s at %s; in the end maintenance is off and SDP on "
           "calibration.\n",
           program->options.table_id, program->options.server_url);
    fflush(stdout);
    return program->args.yes || !program_can_ask() || program_ask("Go on?");
}

int cmd_demo(struct program *program)
{
    struct studio_error error;
    int exit_code, action = 0;

    if (!agreed(program)) {
        program_say("nothing was sent; --help lists the other commands");
        return EXIT_USAGE;
    }
    struct studio_client *client = program_connect(program, &exit_code);

    if (client == NULL)
        return exit_code;
    char *server = program_server(program, client);
    printf("Connected to %s as %s of table %s.\n", server != NULL ? server : "it",
           program->options.device_name[0] != '\0' ? program->options.device_name : "the table",
           program->options.table_id);
    free(server);
    enum studio_err err = STUDIO_OK;
    for (size_t i = 0; i < STEPS && err == STUDIO_OK; i++) {
        if (steps[i].title != NULL)
            printf("%d/%d %s\n", ++action, ACTIONS, steps[i].title);
        err = run_step(client, &steps[i], &error);
    }
    if (err == STUDIO_OK)
        err = show_end(program, client, &error);
    if (err != STUDIO_OK)
        exit_code = program_fail(&error);
    studio_client_close(client);
    return exit_code;
}
